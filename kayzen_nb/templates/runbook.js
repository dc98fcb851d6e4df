"use strict";
(function () {
  var said = document.querySelector(".rb-said");
  var hush = 0;

  function say(button, done, text) {
    if (done) {
      button.classList.add("rb-done");
      button.querySelector(".rb-label").textContent = "Copied";
    }
    said.textContent = text;
    said.classList.add("rb-shown");
    window.clearTimeout(hush);
    hush = window.setTimeout(function () { said.classList.remove("rb-shown"); }, 4000);
  }

  // Older browsers, and some when the page is opened from disk, have no clipboard of their own for scripts.
  function copyOldWay(text) {
    var area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("readonly", "");
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.appendChild(area);
    area.select();
    var done = false;
    try { done = document.execCommand("copy"); } catch (refused) { done = false; }
    document.body.removeChild(area);
    return done;
  }

  function select(field) {
    var range = document.createRange();
    range.selectNodeContents(field);
    var selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  }

  function answer(button, field, done) {
    if (!done) {
      select(field);
      say(button, false, "Your browser does not let the page copy. The field is selected: press Ctrl+C (Mac: Command+C).");
      return;
    }
    var what = button.querySelector(".kz-hidden").textContent.trim();
    var place = field.querySelector("mark");
    say(button, true, what + " copied." + (place ? " After pasting, replace " + place.textContent + " with your key." : ""));
    button.focus();
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-copies]");
    if (!button) { return; }
    var field = document.getElementById(button.getAttribute("data-copies"));
    var text = field.textContent;
    if (navigator.clipboard && navigator.clipboard.writeText) {
      navigator.clipboard.writeText(text).then(
        function () { answer(button, field, true); },
        function () { answer(button, field, copyOldWay(text)); }
      );
    } else {
      answer(button, field, copyOldWay(text));
    }
  });
})();

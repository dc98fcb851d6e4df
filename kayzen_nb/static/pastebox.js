// A box for pasted text, which may hold keys and phone numbers: it travels as a message and stands in no synced trait,
// because JupyterLab saves those. The box empties itself once the text was taken.
const LONGEST = 2_000_000;

function make(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text ?? "";
  return node;
}

function render({ model, el }) {
  const box = make("div", "kz-box kz-paste");
  const label = make("label", "kz-label", model.get("label"));
  const area = make("textarea", "");
  Object.assign(area, { spellcheck: false, autocomplete: "off", placeholder: "Paste here" });
  const button = make("button", "kz-main", "Read the pasted text");
  const answer = make("div", "kz-answer", model.get("answer"));
  answer.setAttribute("role", "status");

  function say() {
    answer.textContent = model.get("answer");
  }

  function send() {
    if (!area.value.trim()) {
      answer.textContent = "The box is empty: paste the text first.";
    } else if (area.value.length > LONGEST) {
      answer.textContent = "This text is too long. Save it as a file and give the file's name instead.";
    } else {
      answer.textContent = "…";
      model.send({ text: area.value });
    }
  }

  function taken(content) {
    if (content.taken) area.value = "";
    say();
  }

  area.addEventListener("keydown", (pressed) => pressed.stopPropagation());
  button.addEventListener("click", send);
  model.on("change:answer", say);
  model.on("msg:custom", taken);
  label.append(area);
  box.append(label, make("div", "kz-help", model.get("help")), button, answer);
  el.append(box);
  return () => {
    model.off("change:answer", say);
    model.off("msg:custom", taken);
  };
}

export default { render };

// A box for the key. What is typed travels as a message and stands in no synced trait: JupyterLab saves those, and a
// kernel that is busy would leave the key there until it has time.
function make(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text ?? "";
  return node;
}

function render({ model, el }) {
  const box = make("div", "kz-box kz-key");
  const label = make("label", "kz-label", "Kayzen API key");
  const input = make("input", "");
  Object.assign(input, { type: "password", autocomplete: "new-password", size: 44, spellcheck: false });
  const take = make("button", "kz-main", "Use this key");
  const write = make("button", "", "Write the six URLs with the key to a private file");
  const answer = make("div", "kz-answer", model.get("answer"));
  answer.setAttribute("role", "status");

  function send() {
    if (!input.value) return;
    const typed = input.value;
    input.value = "";
    answer.textContent = "…";
    model.send({ typed });
  }

  function say() {
    answer.textContent = model.get("answer");
  }

  input.addEventListener("keydown", (pressed) => {
    pressed.stopPropagation(); // a letter typed here is no command to the notebook
    if (pressed.key === "Enter") send();
  });
  take.addEventListener("click", send);
  write.addEventListener("click", () => model.send({ write: true }));
  model.on("change:answer", say);
  model.on("msg:custom", say); // the same answer twice changes no trait

  const line = make("div", "kz-line");
  line.append(input, take);
  label.append(line);
  box.append(label, make("div", "kz-help", model.get("help")), write, answer);
  el.append(box);
  return () => {
    model.off("change:answer", say);
    model.off("msg:custom", say);
  };
}

export default { render };

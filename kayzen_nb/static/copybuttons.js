// Copy buttons. A text that holds the key is asked for on the click and travels as a message: JupyterLab saves what
// stands in a synced trait, and nothing of this stands in one.
const NO_ANSWER_MS = 8000;

function make(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text ?? "";
  return node;
}

function copyFromTextarea(text) {
  // For pages without https, where browsers hide their clipboard from scripts.
  const area = make("textarea", "");
  area.value = text;
  area.style.cssText = "position:fixed;top:0;left:-999px";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("The browser did not allow it. Click Copy once more.");
}

async function putOnClipboard(promised) {
  if (navigator.clipboard?.write && window.ClipboardItem) {
    try {
      // Handed over before the text is there: Safari forgets the click while it waits.
      const blob = promised.then((text) => new Blob([text], { type: "text/plain" }));
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
      return;
    } catch {
      await promised; // when the kernel failed, that is the answer; else try the old way
    }
  }
  copyFromTextarea(await promised);
}

function splitAt(value, marked) {
  const at = marked ? value.indexOf(marked) : -1;
  if (at < 0) return [document.createTextNode(value)];
  const rest = document.createTextNode(value.slice(at + marked.length));
  return [document.createTextNode(value.slice(0, at)), make("mark", "", marked), rest];
}

function render({ model, el }) {
  const waiting = new Map();
  let turn = 0;

  function ask(pixel) {
    turn += 1;
    const mine = turn;
    return new Promise((resolve, reject) => {
      waiting.set(mine, resolve);
      setTimeout(() => {
        if (waiting.delete(mine)) reject(new Error("No answer: a cell is running, or this cell has to be run again."));
      }, NO_ANSWER_MS);
      model.send({ ask: pixel, turn: mine });
    });
  }

  function answer(content) {
    const resolve = waiting.get(content.turn);
    waiting.delete(content.turn);
    resolve?.(content);
  }

  async function copy(row, says, field, number) {
    row.className = "kz-field";
    says.textContent = "…";
    try {
      const asked = field.asks ? ask(number) : Promise.resolve({ text: field.value, says: "Copied." });
      await putOnClipboard(asked.then((content) => content.text));
      says.textContent = `✓ ${(await asked).says}`;
      row.classList.add("kz-copied");
    } catch (failed) {
      says.textContent = `Not copied. ${failed.message}`;
      row.classList.add("kz-failed");
    }
  }

  function makeField(field, number, title) {
    const row = make("div", "kz-field");
    const value = make("div", "kz-value");
    value.append(...splitAt(field.value, field.marked));
    const button = make("button", "", "Copy");
    button.setAttribute("aria-label", `Copy ${field.name} of ${title}`);
    const says = make("div", "kz-answer");
    says.setAttribute("role", "status");
    button.addEventListener("click", () => copy(row, says, field, number));
    row.append(make("div", "kz-name", field.name), value, button, says);
    if (field.hint) row.prepend(make("div", "kz-help", field.hint));
    return { row, value, field };
  }

  let drawn = [];
  function draw() {
    drawn = model.get("pixels").map((pixel, number) => {
      const card = make("div", "kz-pixel");
      const fields = pixel.fields.map((field) => makeField(field, number, pixel.title));
      card.append(make("h4", "", `${number + 1}. ${pixel.title}`), ...fields.map((field) => field.row));
      return { card, fields };
    });
    box.replaceChildren(...drawn.map((pixel) => pixel.card));
  }

  function redraw() {
    // Only the values change when a key is typed: what was copied stays ticked.
    model.get("pixels").forEach((pixel, number) => pixel.fields.forEach((field, place) => {
      drawn[number].fields[place].value.replaceChildren(...splitAt(field.value, field.marked));
    }));
  }

  const box = make("div", "kz-box kz-copy");
  draw();
  el.append(box);
  model.on("msg:custom", answer);
  model.on("change:pixels", redraw);
  return () => {
    model.off("msg:custom", answer);
    model.off("change:pixels", redraw);
  };
}

export default { render };

// Charts and samples, read with a slider: the keyboard moves it, and the pointer over a chart moves it too.

function number(value) {
  return Math.abs(value) >= 1000 ? value.toLocaleString("en") : String(Number(value.toPrecision(4)));
}

function slider(box, count, show) {
  const range = box.querySelector("input[type=range]");
  range.max = count - 1;
  range.disabled = count < 2;
  const say = () => { range.setAttribute("aria-valuetext", show(Number(range.value))); };
  range.addEventListener("input", () => { range.dataset.moved = "yes"; say(); });
  return { range, say };
}

function chart(figure) {
  const about = JSON.parse(figure.querySelector("script").textContent);
  const places = Array.from(new Set(about.lines.flatMap(([, points]) => points.map(([x]) => x)))).sort((a, b) => a - b);
  const plot = figure.querySelector(".plot"), here = figure.querySelector(".here");
  const output = figure.querySelector("output");
  const scale = (x) => about.log ? Math.log(x) : x;
  const share = (x) => (scale(x) - scale(about.from)) / (scale(about.to) - scale(about.from));
  const { range, say } = slider(figure, places.length, (place) => {
    const x = places[place];
    const words = [about.x + " " + number(x)];
    for (const [name, points] of about.lines) {
      const before = points.filter((point) => point[0] <= x).pop();
      if (before) { words.push(name + " " + number(before[1]) + (before[0] < x ? " (at " + number(before[0]) + ")" : "")); }
    }
    here.style.display = "block";
    here.style.left = 100 * share(x) + "%";
    return output.textContent = words.join(", ");
  });
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width;
    let best = 0;
    places.forEach((x, place) => {
      if (Math.abs(share(x) - at) < Math.abs(share(places[best]) - at)) { best = place; }
    });
    range.value = best;
    range.dataset.moved = "yes";
    say();
  });
  range.addEventListener("focus", say);
  if (range.dataset.moved) { say(); }
}

function samples(box) {
  const texts = JSON.parse(box.querySelector("script").textContent);
  const text = box.querySelector("pre"), output = box.querySelector("output");
  const { range, say } = slider(box, texts.length, (place) => {
    text.textContent = texts[place][1];
    return output.textContent = "step " + number(texts[place][0]);
  });
  if (!range.dataset.moved) { range.value = texts.length - 1; }
  say();
}

// What is folded up is printed too.
let opened = [];
addEventListener("beforeprint", () => {
  opened = Array.from(document.querySelectorAll("details:not([open])"));
  opened.forEach((box) => { box.open = true; });
});
addEventListener("afterprint", () => { opened.forEach((box) => { box.open = false; }); });

function attach() {
  document.querySelectorAll(".chart").forEach(chart);
  document.querySelectorAll(".sample").forEach(samples);
}

attach();

// The retrieval explorer: choose a query, see what every system finds, filter by failure.
// The data lie in <script type="application/json"> blocks; all text goes in by textContent.
"use strict";
(function () {
  const root = document.getElementById("explorer");
  const blocks = document.querySelectorAll("script.gallery-data");
  const part = (name) => document.getElementById("explorer-" + name);
  const NEVER = 1e9;
  const opened = new Map();
  let set, rows = [], order = [], query = 0;

  function make(kind, name, parent) {
    const node = document.createElement(kind);
    if (name) node.className = name;
    if (parent) parent.append(node);
    return node;
  }

  // Text of unknown direction, kept from turning what stands around it.
  const apart = (text) => "\u2068" + text + "\u2069";

  // How many letters all labels begin with, up to a separator: under a picture they say nothing.
  function shared(labels) {
    let count = 0;
    const first = labels[0];
    while (labels.every((label) => count < label.length && label[count] === first[count])) count++;
    return labels.length > 1 ? first.slice(0, count).search(/[^-_/ .]*$/) : 0;
  }

  function ordinal(n) {
    const teen = n % 100 > 10 && n % 100 < 14;
    return n + (teen ? "th" : { 1: "st", 2: "nd", 3: "rd" }[n % 10] || "th");
  }

  // A set as stored, with the rank of every first right answer and each picture's query.
  function open(number) {
    if (opened.has(number)) return opened.get(number);
    const data = JSON.parse(blocks[number].textContent);
    data.asks = new Map(data.queries.map((picture, q) => [picture, q]));
    data.shared = shared(data.labels);
    data.name = (picture) => data.labels[data.label[picture]];
    data.right = (q, picture) => data.label[picture] === data.label[data.queries[q]];
    for (const system of data.systems) {
      system.first = system.found.map((hits, q) => {
        const at = hits.findIndex((picture) => data.right(q, picture));
        return at < 0 ? NEVER : at;
      });
    }
    data.width = Math.max(0, ...data.systems.map((s) => Math.max(...s.found.map((f) => f.length))));
    opened.set(number, data);
    return data;
  }

  const depth = () => Number(part("depth").value);
  const fails = (system, q) => set.systems[system].first[q] >= depth();
  const failedByAll = (q) => set.systems.every((_, s) => fails(s, q));
  const splits = (x, y) => (q) => !fails(x, q) && fails(y, q);

  function test() {
    const [kind, system] = part("filter").value.split(":");
    if (kind === "system") return (q) => fails(Number(system), q);
    if (kind === "none") return failedByAll;
    if (kind === "pair") return splits(Number(part("winner").value), Number(part("loser").value));
    return () => true;
  }

  const matching = (wanted) => set.queries.map((_, q) => q).filter(wanted);

  // Options under the values they had, where those are still there.
  function fill(select, options) {
    const before = select.value;
    select.replaceChildren();
    for (const [value, text] of options) {
      const option = make("option", "", select);
      option.value = value;
      option.textContent = text;
    }
    if (options.some(([value]) => value === before)) select.value = before;
  }

  function fillFilters() {
    const many = (wanted) => " (" + matching(wanted).length.toLocaleString("en") + ")";
    const names = set.systems.map((system) => system.name);
    fill(part("filter"), [
      ["all", "all queries" + many(() => true)],
      ["none", "failed by every system" + many(failedByAll)],
      ...names.map((name, s) => ["system:" + s, "failed by " + name + many((q) => fails(s, q))]),
      ...(names.length > 1 ? [["pair", "right by one, wrong by another"]] : []),
    ]);
    fillPair(many);
  }

  function fillPair(many) {
    const names = set.systems.map((system, s) => [String(s), system.name]);
    fill(part("winner"), names);
    const x = part("winner").value;
    const others = names.filter(([s]) => s !== x);
    fill(part("loser"), others.map(([s, name]) => [s, name + many(splits(Number(x), Number(s)))]));
    part("pair").hidden = part("filter").value !== "pair";
  }

  // One line per system, made once per set: changing the query only changes pictures and texts.
  function lay() {
    const answers = part("answers");
    answers.replaceChildren();
    rows = set.systems.map((system) => {
      const row = make("div", system.accent ? "answer accent" : "answer", answers);
      const head = make("p", "system", row);
      make("bdi", "", head).textContent = system.name;
      const told = make("small", "", head);
      const list = make("ol", "", row);
      list.setAttribute("aria-label", "Nearest pictures of " + apart(system.name));
      const cells = [];
      for (let k = 0; k < set.width; k++) {
        const item = make("li", "", list);
        const button = make("button", "found", item);
        button.type = "button";
        const image = make("img", "", button);
        image.alt = "";
        const mark = make("span", "mark", button);
        const score = make("span", "score", item);
        const label = make("bdi", "label", item);
        button.addEventListener("click", () => {
          const next = set.asks.get(Number(button.dataset.picture));
          if (next !== undefined) show(next);
        });
        cells.push({ item, button, image, mark, score, label });
      }
      return { told, cells };
    });
  }

  const source = (picture) => "data:image/" + set.format + ";base64," + set.images[picture];

  function show(next) {
    query = next;
    const asked = set.queries[query];
    part("query").src = source(asked);
    part("query").alt = "Query: " + set.name(asked);
    part("label").textContent = set.name(asked);
    part("row").textContent = "row " + set.rows[asked];
    part("number").value = query + 1;
    const heard = set.systems.map((system, s) => answer(system, rows[s], s));
    tell(heard);
  }

  function answer(system, row, s) {
    const hits = system.found[query], scores = system.scores[query];
    let right = 0;
    row.cells.forEach((cell, k) => {
      cell.item.hidden = k >= hits.length;
      if (cell.item.hidden) return;
      const picture = hits[k], name = set.name(picture);
      const good = set.right(query, picture);
      const score = (scores[k] / 1000).toFixed(2);
      const asks = set.asks.has(picture);
      right += good;
      cell.button.className = good ? "found right" : "found wrong";
      cell.button.dataset.picture = picture;
      if (asks) cell.button.removeAttribute("aria-disabled");
      else cell.button.setAttribute("aria-disabled", "true");
      cell.button.setAttribute("aria-label",
        ordinal(k + 1) + ": " + (good ? "right" : "wrong") + ", " + apart(name) + ", cosine " +
        score + (asks ? "; make it the query" : "; not among the queries"));
      cell.button.title = name + ", cosine " + score + (asks ? "" : " (not among the queries)");
      cell.image.src = source(picture);
      cell.mark.textContent = good ? "✓" : "✗";
      cell.score.textContent = score;
      cell.label.textContent = name.slice(set.shared);
    });
    const at = system.first[query];
    const told = at === NEVER
      ? "none of " + hits.length + " right"
      : (at === 0 ? "first answer right" : "right from the " + ordinal(at + 1)) +
        ", " + right + " of " + hits.length;
    row.told.textContent = told;
    return apart(system.name) + ": " + told;
  }

  function selection() {
    const [kind, s] = part("filter").value.split(":");
    const name = (k) => apart(set.systems[k].name);
    if (kind === "system") return "failed by " + name(s);
    if (kind === "none") return "failed by every system";
    if (kind === "pair") {
      return "right by " + name(part("winner").value) + ", wrong by " + name(part("loser").value);
    }
    return "";
  }

  function tell(heard) {
    const which = selection(), place = order.indexOf(query);
    const count = order.length.toLocaleString("en");
    let told = "";
    if (which) {
      told = place < 0
        ? "This query is outside the " + count + " " + which
        : (place + 1).toLocaleString("en") + " of " + count + " " + which;
    }
    part("status").textContent = told || "All " + count + " queries; click a picture to ask it";
    const label = set.name(set.queries[query]);
    part("heard").textContent =
      "Query " + (query + 1) + ", " + apart(label) + ". " + (told ? told + ". " : "") +
      heard.join(". ") + ".";
  }

  // The queries that pass the filter; the one shown stays where it passes.
  function choose() {
    order = matching(test());
    const none = order.length === 0;
    part("stage").hidden = none;
    for (const name of ["back", "next", "random"]) part(name).disabled = none;
    if (none) {
      part("status").textContent = "No query is " + selection();
      part("heard").textContent = part("status").textContent;
      return;
    }
    show(order.includes(query) ? query : order[0]);
  }

  function refilter() {
    fillFilters();
    choose();
  }

  function change(number) {
    set = open(number);
    query = 0;
    part("protocol").textContent = set.protocol +
      (set.queries.length < set.asked
        ? "; " + set.queries.length.toLocaleString("en") + " of " +
          set.asked.toLocaleString("en") + " queries, evenly thinned"
        : "");
    part("number").max = set.queries.length;
    part("count").textContent = "of " + set.queries.length.toLocaleString("en");
    lay();
    refilter();
  }

  // To the next of the selection in one direction, round its ends.
  function step(by) {
    if (!order.length) return;
    const at = by > 0 ? order.find((q) => q > query) : order.findLast((q) => q < query);
    show(at ?? (by > 0 ? order[0] : order[order.length - 1]));
  }

  function type() {
    const number = Math.round(Number(part("number").value));
    if (!(number >= 1)) {
      part("number").value = query + 1;
      return;
    }
    part("stage").hidden = false;
    show(Math.min(number, set.queries.length) - 1);
  }

  function key(event) {
    if (/^(INPUT|SELECT)$/.test(event.target.tagName)) return;
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === "Home" && order.length) show(order[0]);
    else if (event.key === "End" && order.length) show(order[order.length - 1]);
    else return;
    event.preventDefault();
  }

  part("set").addEventListener("change", () => change(Number(part("set").value)));
  for (const name of ["depth", "filter", "winner", "loser"]) {
    part(name).addEventListener("change", refilter);
  }
  part("number").addEventListener("change", type);
  part("back").addEventListener("click", () => step(-1));
  part("next").addEventListener("click", () => step(1));
  part("random").addEventListener("click", () => {
    const others = order.filter((q) => q !== query);
    if (others.length) show(others[Math.floor(Math.random() * others.length)]);
  });
  root.addEventListener("keydown", key);
  change(0);
  root.hidden = false;
  document.getElementById("gallery-static").hidden = true;
})();

/* The trend site: filters and order of the overview, and the picture of one series. What is chosen is kept in the
   address, so that a link shows the same. */
"use strict";
const perfgate = (() => {
  const byId = (name) => document.getElementById(name);
  const chosen = () => new URLSearchParams(location.hash.slice(1));

  function keep(changes) {
    const now = chosen();
    for (const [key, value] of Object.entries(changes)) {
      if (value === "" || value === null) now.delete(key);
      else now.set(key, value);
    }
    history.replaceState(null, "", "#" + now);
  }

  function element(name, text, attributes = {}) {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  /* ---- the overview ---- */

  function overview() {
    const form = byId("filter"), body = document.querySelector("#slis tbody");
    if (!form) return;
    const rows = [...body.rows], heads = [...document.querySelectorAll("#slis thead th[data-key]")];
    const fits = (row, name, wanted) =>
      name === "text" ? wanted.split(/\s+/).every((word) => row.dataset.text.includes(word))
        : name === "environment" ? row.dataset[name].split(" ").includes(wanted) : row.dataset[name] === wanted;

    function filter() {
      const wanted = [...new FormData(form)].filter(([, value]) => value !== "")
        .map(([name, value]) => [name, name === "text" ? value.trim().toLowerCase() : value]);
      let shown = 0;
      for (const row of rows) {
        row.hidden = !wanted.every(([name, value]) => fits(row, name, value));
        shown += !row.hidden;
      }
      byId("shown").textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
    }

    function sort(key) {
      const place = heads.findIndex((head) => head.dataset.key === key.replace(/^-/, ""));
      for (const head of heads) head.removeAttribute("aria-sort");
      if (place < 0) {
        body.append(...rows);
        return;
      }
      const down = key.startsWith("-"), column = heads[place].cellIndex;
      heads[place].setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => {
        const cell = row.cells[column];
        return "order" in cell.dataset ? Number(cell.dataset.order) : cell.textContent.trim();
      };
      const compared = (a, b) => (typeof a === "number" ? a - b : a < b ? -1 : Number(a > b));
      const ordered = rows.map((row) => [value(row), row]).sort(([a], [b]) => compared(a, b) * (down ? -1 : 1));
      body.append(...ordered.map(([, row]) => row));
    }

    function restore() {
      const now = chosen();
      for (const field of form.elements) if (field.name) field.value = now.get(field.name) ?? "";
      filter();
      sort(now.get("sort") ?? "");
    }

    for (const head of heads) {
      const button = element("button", head.textContent, { type: "button" });
      button.addEventListener("click", () => {
        const key = head.dataset.key, was = chosen().get("sort");
        const next = was === `-${key}` ? key : was === key ? "" : `-${key}`;
        keep({ sort: next });
        sort(next);
      });
      head.replaceChildren(button);
    }
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => {
      keep(Object.fromEntries(new FormData(form)));
      filter();
    });
    addEventListener("hashchange", restore);
    form.hidden = false;
    restore();
  }

  /* ---- one series ---- */

  let commits = null;

  function day(place) {
    const second = commits.second[Math.min(commits.second.length - 1, Math.max(0, Math.round(place)))];
    return new Date(1000 * second).toISOString().slice(0, 10);
  }

  function decoded(one, power) {
    const scale = 10 ** power;
    let place = 0;
    return {
      ...one,
      place: one.place.map((step) => (place += step)),
      value: one.value.map((value) => value / scale),
      low: one.low?.map((below, i) => (one.value[i] - below) / scale),
      high: one.high?.map((above, i) => (one.value[i] + above) / scale),
    };
  }

  function load(content) {
    const series = content.series.map((one) => decoded(one, content.power));
    const form = byId("view"), box = byId("chart"), last = commits.oid.length - 1, whole = [-0.5, last + 0.5];
    const dark = matchMedia("(prefers-color-scheme: dark)");
    let plot = null, rows = [], at = -1, restoring = false, walking = false;

    /* Places among the commits, also between two of them, to what is across, and back. */
    function x(place) {
      if (!form.x.value) return place;
      const inside = Math.min(last, Math.max(0, place)), before = Math.floor(inside), after = Math.ceil(inside);
      return commits.second[before] + (commits.second[after] - commits.second[before]) * (inside - before);
    }
    function placeOf(across) {
      if (!form.x.value) return across;
      const after = commits.second.findIndex((second) => second >= across);
      if (after <= 0) return after < 0 ? last : 0;
      const [one, other] = [commits.second[after - 1], commits.second[after]];
      return after - 1 + (across - one) / (other - one);
    }
    const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    const colour = (number) => (dark.matches
      ? ["#58a6ff", "#d29922", "#bc8cff", "#3fb950", "#f778ba", "#9aa4af"]
      : ["#0969da", "#9a6700", "#8250df", "#1a7f37", "#bf3989", "#59636e"])[number % 6];

    function amount(value, digits = 4) {
      const [scale, label] = content.scales.find(([scale]) => Math.abs(value) >= 0.9995 * scale)
        ?? content.scales[content.scales.length - 1];
      return `${Number((value / scale).toPrecision(digits))} ${label}`.trim();
    }

    /* One row for each place and repetition there; a column of values, and of both ends, for each environment. */
    function columns() {
      const every = series.flatMap((one, number) => one.place.map((place, i) => ({ x: x(place), place, number, i })));
      every.sort((a, b) => a.x - b.x || a.place - b.place);
      rows = [];
      for (const each of every) {
        const before = rows[rows.length - 1];
        if (before && before.place === each.place && !(each.number in before.runs)) before.runs[each.number] = each.i;
        else rows.push({ x: each.x, place: each.place, runs: { [each.number]: each.i } });
      }
      const column = (number, name) => rows.map((row) => series[number][name]?.[row.runs[number]] ?? null);
      return [rows.map((row) => row.x),
        ...series.flatMap((one, number) => ["value", "low", "high"].map((name) => column(number, name)))];
    }

    function range(u, least, most) {
      if (least === null) return [0, 1];
      if (form.y.value === "log") return [least / 1.1, most * 1.1];
      const room = (most - least) * 0.08 || Math.abs(most) * 0.05 || 1;
      return form.y.value === "zero" ? [Math.min(0, least), Math.max(0, most + room)] : [least - room, most + room];
    }

    function marks(u) {
      const ratio = devicePixelRatio, { left, top, width, height } = u.bbox, context = u.ctx;
      const across = (place) => u.valToPos(x(place), "x", true);
      context.save();
      context.beginPath();
      context.rect(left, top, width, height);
      context.clip();
      context.textAlign = "left";
      context.font = `${11 * ratio}px system-ui, sans-serif`;
      const upright = (place, shade, dashes, text) => {
        context.strokeStyle = context.fillStyle = shade;
        context.lineWidth = 1.5 * ratio;
        context.setLineDash(dashes.map((dash) => dash * ratio));
        context.beginPath();
        context.moveTo(across(place), top);
        context.lineTo(across(place), top + height);
        context.stroke();
        if (text) context.fillText(text, across(place) + 4 * ratio, top + 12 * ratio);
      };
      for (const [place, name] of commits.releases) upright(place, ink("muted"), [2, 4], name);
      series.forEach((one, number) => {
        if (series.length > 1 && one.place[0] > 0) upright(one.place[0] - 0.5, colour(number), [1, 5], "");
        for (const shift of one.shifts) upright(shift.at - 0.5, ink(shift.worse ? "worse" : "better"), [], "");
        context.setLineDash([]);
        context.strokeStyle = ink("ink");
        context.lineWidth = 2 * ratio;
        for (const [from, to, level] of one.levels) {
          const height = u.valToPos(level, "y", true);
          context.beginPath();
          context.moveTo(across(from), height);
          context.lineTo(across(to), height);
          context.stroke();
        }
      });
      if (content.slo !== null) {
        context.strokeStyle = ink("doubt");
        context.setLineDash([6 * ratio, 4 * ratio]);
        context.beginPath();
        context.moveTo(left, u.valToPos(content.slo, "y", true));
        context.lineTo(left + width, u.valToPos(content.slo, "y", true));
        context.stroke();
      }
      context.restore();
    }

    function told(place, runs) {
      const oid = commits.oid[place], line = byId("readout");
      const name = element("code", oid.slice(0, 9));
      const link = commits.address ? element("a", "", { href: `${commits.address}/commit/${oid}`, id: "commit" }) : null;
      if (link) link.append(name);
      const values = Object.entries(runs).map(([number, i]) => {
        const one = series[number];
        const ends = one.low ? ` [${amount(one.low[i])}, ${amount(one.high[i])}]` : "";
        return `${amount(one.value[i])}${ends}${series.length > 1 ? ` on ${one.environment.slice(0, 12)}` : ""}`;
      });
      const steps = series.flatMap((one) => one.shifts.filter((shift) => shift.at === place));
      const said = steps.map((shift) => ` · changed by ${shift.text} (${shift.state})`).join("");
      line.replaceChildren(link ?? name, ` ${day(place)} · ${commits.subject[place]} · ${values.join(", ")}${said}`);
    }

    function reach() {
      const now = chosen(), number = (name, otherwise) => {
        const value = parseFloat(now.get(name) ?? "");
        return Number.isFinite(value) ? Math.min(whole[1], Math.max(whole[0], value)) : otherwise;
      };
      const from = number("from", whole[0]), to = number("to", whole[1]);
      return from < to ? [from, to] : whole;
    }

    function show([from, to]) {
      const [min, max] = [x(from), x(to)], room = max > min ? 0 : 43_200;
      plot.setScale("x", { min: min - room, max: max + room });
    }

    function scaled(u, key) {
      if (key !== "x" || restoring) return;
      const { min, max } = u.scales.x, all = min <= rows[0].x && max >= rows[rows.length - 1].x;
      keep(all ? { from: "", to: "" } : { from: placeOf(min).toFixed(2), to: placeOf(max).toFixed(2) });
    }

    function draw() {
      plot?.destroy();
      restoring = true;
      const lines = series.flatMap((one, number) => [
        { stroke: colour(number), width: 1, spanGaps: true },
        { stroke: "transparent", points: { show: false }, spanGaps: true },
        { stroke: "transparent", points: { show: false }, spanGaps: true },
      ]);
      const bands = series.flatMap((one, number) =>
        (one.low ? [{ series: [3 * number + 3, 3 * number + 2], fill: `${colour(number)}33` }] : []));
      const axis = { stroke: ink("muted"), grid: { stroke: ink("rule"), width: 1 }, ticks: { stroke: ink("rule") } };
      const places = (u, splits) => splits.map((place) => (Number.isInteger(place) && place <= last ? day(place) : ""));
      plot = new uPlot({
        width: box.clientWidth, height: innerWidth < 640 ? 280 : 380,
        scales: { x: { time: Boolean(form.x.value) }, y: { distr: form.y.value === "log" ? 3 : 1, range } },
        series: [{}, ...lines], bands, legend: { show: false },
        axes: [form.x.value ? axis : { ...axis, values: places, space: 90 },
          { ...axis, size: 78, values: (u, splits) => splits.map((value) => (value === null ? "" : amount(value, 3))) }],
        cursor: { drag: { x: true, y: false }, points: { size: 7 } },
        hooks: {
          draw: [marks], setScale: [scaled],
          setCursor: [(u) => {
            if (walking || u.cursor.idx === null || u.cursor.idx === undefined) return;
            at = u.cursor.idx;
            told(rows[at].place, rows[at].runs);
          }],
        },
      }, columns(), box);
      show(reach());
      queueMicrotask(() => { restoring = false; });  // behind the plot's own, which sets the scale
    }

    /* Go to a row by the keyboard: what the plot finds below its cursor does not count until the mouse moves. */
    function walk(to) {
      walking = true;
      at = Math.min(rows.length - 1, Math.max(0, to));
      let { min, max } = plot.scales.x;
      if (rows[at].x < min || rows[at].x > max) {
        const half = (max - min) / 2;
        [min, max] = [rows[at].x - half, rows[at].x + half];
        plot.setScale("x", { min, max });
      }
      const left = ((rows[at].x - min) / (max - min)) * plot.over.clientWidth;
      plot.setCursor({ left, top: plot.over.clientHeight / 2 });
      told(rows[at].place, rows[at].runs);
    }

    function zoom(factor) {
      const { min, max } = plot.scales.x, middle = rows[at] && rows[at].x > min && rows[at].x < max ? rows[at].x : (min + max) / 2;
      const ends = whole.map(x);
      plot.setScale("x", {
        min: Math.max(ends[0], middle - (middle - min) * factor), max: Math.min(ends[1], middle + (max - middle) * factor),
      });
    }

    const shifts = () => series.flatMap((one) => one.shifts.map((shift) => shift.at)).sort((a, b) => a - b);
    function walkTo(place) {
      const found = rows.findIndex((row) => row.place >= place);
      walk(found < 0 ? rows.length - 1 : found);
    }
    const keys = {
      ArrowLeft: () => walk(at < 0 ? rows.length - 1 : at - 1), ArrowRight: () => walk(at + 1),
      Home: () => walk(0), End: () => walk(rows.length - 1),
      PageUp: () => walkTo(shifts().filter((place) => at < 0 || place < rows[at].place).pop() ?? 0),
      PageDown: () => walkTo(shifts().find((place) => place > (rows[at]?.place ?? -1)) ?? last),
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), Escape: () => show(whole),
      Enter: () => byId("commit")?.click(),
    };
    box.addEventListener("keydown", (event) => {
      if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      keys[event.key]();
    });
    byId("in").addEventListener("click", () => zoom(0.5));
    byId("out").addEventListener("click", () => zoom(2));
    byId("all").addEventListener("click", () => show(whole));
    box.addEventListener("mousemove", () => { walking = false; }, true);
    const positive = series.every((one) => one.value.every((value) => value > 0));
    if (!positive) form.y.querySelector('[value="log"]').disabled = true;

    function restore() {
      const now = chosen();
      form.x.value = now.get("x") === "date" ? "date" : "";
      form.y.value = now.get("y") === "zero" || (now.get("y") === "log" && positive) ? now.get("y") : "";
      draw();
    }

    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => {
      keep({ x: form.x.value, y: form.y.value });
      draw();
    });
    addEventListener("hashchange", restore);
    dark.addEventListener("change", draw);
    new ResizeObserver(() => {
      if (plot && box.clientWidth !== plot.width) plot.setSize({ width: box.clientWidth, height: plot.height });
    }).observe(box);
    form.hidden = false;
    series.forEach((one, number) => {
      const item = element("li", ""), sample = element("i", "");
      sample.style.background = colour(number);
      item.append(sample, one.environment);
      byId("series").append(item);
    });
    byId("series").append(element("li", "line: each run's median, shade: half of its processes, bar: the level"));
    restore();
    document.body.dataset.drawn = "yes";
  }

  overview();
  return { history: (content) => { commits = content; }, load };
})();

/* The morning page. Reads the two JSON blocks of the page, draws, filters, opens details. No network, no storage needed. */
"use strict";
(() => {
  const D = JSON.parse(document.getElementById("data").textContent);
  const W = JSON.parse(document.getElementById("texts").textContent);
  const STATUSES = ["missed", "at_risk", "met", "no_data", "not_applicable"];
  const LEVELS = ["tinh", "huyen", "xa"];
  const ROWS_FIRST = 15;
  const COLOUR = { met: "#17713f", at_risk: "#c98a00", missed: "#b3261e", no_data: "#aab4be", not_applicable: "#dbe1e7",
    now: "#2a6ca8", before: "#b9cbdc", goal: "#17222e", line: "#d5dce4", soft: "#4b5a69", ink: "#17222e" };
  const S = { lang: 0, field: "", level: "", status: "", agency: "", q: "", rankLevel: "tinh", rankPeriod: "ytd",
    district: "", trend: "", budget: "", all: {} };
  const byId = new Map(D.targets.map((t) => [t.id, t]));
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const charts = new Map();

  /* words */
  const pick = (pair) => (Array.isArray(pair) ? pair[S.lang] : pair);
  const fill = (text, values) => (values ? text.replace(/\{(\w+)\}/g, (_, k) => values[k] ?? "") : text);
  const T = (key, values) => fill(String(pick(W.ui[key]) ?? key), values);
  const word = (table, key) => (W[table] && W[table][key] ? pick(W[table][key]) : null);
  const ui = (key) => (key != null && W.ui[key] ? T(key) : key ?? "");
  const sourceName = (source) => word("sources", source) ?? source ?? "";
  /* Texts of the marts that hold both languages are written "Vietnamese | English". */
  const both = (text, textEn) => (S.lang && textEn ? textEn : text && text.includes(" | ") ? text.split(" | ")[S.lang] ?? text : text ?? "");
  const locale = () => (S.lang ? "en-GB" : "vi-VN");
  const formats = new Map();
  const num = (value, digits = 0, least = digits) => {
    if (value == null) return "–";
    const key = `${S.lang}/${digits}/${least}`;
    if (!formats.has(key)) {
      formats.set(key, new Intl.NumberFormat(locale(), { maximumFractionDigits: digits, minimumFractionDigits: least }));
    }
    return formats.get(key).format(value);
  };
  const signed = (value, digits) => (value == null ? "–" : (value > 0 ? "+" : "") + num(value, digits));
  const day = (iso) => {
    if (!iso) return "–";
    const [y, m, d] = iso.slice(0, 10).split("-");
    return S.lang ? `${+d} ${["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][m - 1]} ${y}` : `${d}/${m}/${y}`;
  };
  const moment = (stamp) => (stamp ? `${day(stamp)} ${stamp.slice(11, 16)}` : "–");
  const monthName = (i) => { const [y, m] = D.months[i].split("-"); return `${m}/${y}`; };
  const OPS = { ">=": "≥", "<=": "≤", ">": ">", "=": "=" };
  const isRate = (t) => t.kind ? t.kind !== "count" : t.unit === "%";
  /* Two decimals, and more where two would show a value that is not a mark (its target, its maximum) as it or beyond it. */
  const decimals = (value, ...marks) => {
    let digits = 2;
    const strays = (mark) => mark != null && mark !== value && Math.sign(+value.toFixed(digits) - mark) !== Math.sign(value - mark);
    while (digits < 6 && marks.some(strays)) digits += 1;
    return digits;
  };
  /* One decimal where it stays on its side of the mark. */
  const brief = (value, mark) => (mark == null || Math.sign(+value.toFixed(1) - mark) === Math.sign(value - mark) ? num(value, 1) : num(value, decimals(value, mark)));
  const beside = (value, marks, least = 2) => (value == null ? "–" : num(value, decimals(value, ...marks), least));
  /* What agencies confirm in words is counted in agencies; as a rate it would read as one. */
  const inWords = (t) => t.kind === "text" && t.family === "register";
  const figure = (t, value, n = t.num, d = t.den) => (value == null ? "–" : inWords(t) ? T("agencies_confirm", { n: num(n), d: num(d) }) : isRate(t) ? `${beside(value, [t.goal])}%` : beside(value, [t.goal], 0));
  /* Of both as many decimals as tell them apart: 0,432 / 0,433, where two would show all points of a target that is missed. */
  const pointsOf = (points, most) => {
    let digits = 2;
    while (digits < 6 && points != null && most != null && points !== most && points.toFixed(digits) === most.toFixed(digits)) digits += 1;
    return `${num(points, digits)} / ${num(most, digits, 2)}`;
  };
  // "80.0: 0.5; 100.0: 1.0" of the mart, in the reader's numbers.
  const stepsOf = (t) => (t.steps ? ` (${t.steps.split("; ").map((step) => step.split(": ").map(Number))
    .map(([at, points]) => `${num(at, 2, 0)}${isRate(t) ? "%" : ""}: ${num(points, 2, 0)}`).join("; ")})` : "");
  const required = (t) => (t.goal == null ? T("achieved_text") : `${OPS[t.op] ?? t.op ?? ""} ${num(t.goal, 2, 0)}${isRate(t) ? "%" : ""}`);
  const english = (t) => (S.lang && W.plan.targets_en[t.id]) || null;
  const targetName = (t) => english(t) ?? t.name ?? t.id;
  const targetNameNode = (t) => (english(t) ? english(t) : vi(t.name ?? t.id));
  const fieldName = (id) => {
    const short = W.plan.fields[id];
    return short ? pick(short) : D.fields.find((f) => f.id === id)?.name ?? id;
  };
  const agencyName = (i) => (i == null ? "–" : i === -1 ? T("province") : D.agencies[i][1]);
  const agencyNode = (i) => (i == null || i === -1 ? agencyName(i) : vi(agencyName(i)));
  /* Of one that is no more: since when, and whom to ask. */
  const agencyEnd = (i) => {
    const [, , , , ended, code] = D.agencies[i] ?? [];
    if (!ended) return null;
    const name = code && (D.agencies.find((a) => a[0] === code)?.[1] ?? code);
    return h("div", { cls: "dim" }, T("agency_ended", { day: day(ended) }), " · ", code ? [T("taken_over_by"), " ", vi(name)] : T("no_successor"));
  };
  const agencyLevel = (i) => (i >= 0 ? D.agencies[i][2] : null);
  const statusOf = (t) => (STATUSES.includes(t.status) ? t.status : "no_data");
  const statusWord = (s) => T(s === "no_data" ? "no_data_status" : s);

  /* elements; text is always set as text, never as markup */
  const h = (tag, attributes, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value == null || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (name === "style") Object.assign(node.style, value);
      else node.setAttribute(name === "cls" ? "class" : name, value === true ? "" : value);
    }
    node.append(...children.flat(3).filter((c) => c != null && c !== false));
    return node;
  };
  const vi = (text) => (S.lang ? h("span", { lang: "vi" }, text) : text);
  const NS = "http://www.w3.org/2000/svg";
  const svg = (tag, attributes, ...children) => {
    const node = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const icon = (s) => svg("svg", { class: "ic", "aria-hidden": "true", focusable: "false" }, svg("use", { href: `#i-${s}` }));
  const status = (s) => h("span", { cls: `st s-${s}` }, icon(s), statusWord(s));
  const estimateTag = () => (D.estimate ? h("span", { cls: "tag", title: T("estimate") }, T("estimate_short")) : null);
  const estimateLine = () => (D.estimate ? h("span", { cls: "tag" }, T("estimate")) : null);
  const absent = (...tables) => {
    const table = tables.find((name) => D.state[name] !== "ok");
    return table ? h("p", { cls: "absent" }, T(D.state[table] === "missing" ? "missing_mart" : "empty_mart", { table })) : null;
  };
  const bar = (share, over) => h("span", { cls: over ? "hbar over" : "hbar", "aria-hidden": "true" },
    h("i", { style: { width: `${Math.max(0, Math.min(100, share || 0))}%` } }));
  const say = (text) => { document.getElementById("said").textContent = text; };

  /* A table. columns: {h, cls, cell(row), th, key}; long ones start short and open on demand. */
  const table = (caption, columns, rows, options = {}) => {
    const first = options.first ?? ROWS_FIRST;
    const key = options.key ?? caption;
    const body = h("tbody", options.cards ? { role: "rowgroup" } : null);
    const cards = options.cards;
    const draw = () => {
      const open = S.all[key] || rows.length <= first + 3;
      const shown = open ? rows : rows.slice(0, first);
      body.replaceChildren(...shown.map((row) => {
        const attributes = { cls: options.rowClass?.(row), role: cards && "row" };
        return h("tr", attributes, columns.map((c) => {
          const cellAttributes = { cls: c.cls, "data-h": cards && c.label !== false ? c.h + (c.tag && D.estimate ? ` (${T("estimate_short")})` : "") : null, role: cards && (c.th ? "rowheader" : "cell") };
          return c.th ? h("th", { scope: "row", ...cellAttributes }, c.cell(row)) : h("td", cellAttributes, c.cell(row));
        }));
      }));
    };
    draw();
    const node = h("table", { cls: cards ? "cards" : null, role: cards && "table" },
      h("caption", null, caption),
      h("thead", cards ? { role: "rowgroup" } : null, h("tr", cards ? { role: "row" } : null,
        columns.map((c) => h("th", { scope: "col", cls: c.cls, role: cards && "columnheader" }, c.h, c.tag ? [" ", c.tag()] : null)))),
      body);
    const box = h("div", cards ? null : { cls: "scroll", tabindex: "0", role: "region", "aria-label": caption }, node);
    if (!rows.length) return h("div", null, h("p", { cls: "absent" }, options.none ?? T("none_here")));
    if (rows.length <= first + 3) return box;
    const button = h("button", { type: "button", cls: "more", "aria-expanded": String(!!S.all[key]), onclick: () => {
      S.all[key] = !S.all[key];
      button.textContent = S.all[key] ? T("show_less") : T("show_all", { n: num(rows.length) });
      button.setAttribute("aria-expanded", String(!!S.all[key]));
      draw();
    } }, S.all[key] ? T("show_less") : T("show_all", { n: num(rows.length) }));
    return h("div", null, box, button);
  };

  /* charts */
  const chart = (label, height, option) => {
    const box = h("div", { cls: "chart", role: "img", "aria-label": label, style: { height: `${height}px` } });
    charts.set(box, option);
    return box;
  };
  const font = () => ({ fontFamily: getComputedStyle(document.documentElement).fontFamily, color: COLOUR.ink, fontSize: 12.5 });
  const drawChart = (box, option) => {
    box.chart = echarts.init(box, null, { renderer: "svg", width: Math.max(240, box.clientWidth) });
    box.chart.setOption({ animation: false, textStyle: font(), aria: { enabled: false }, ...option(box.clientWidth) });
    const drawing = box.querySelector("svg");
    if (drawing) { drawing.setAttribute("aria-hidden", "true"); drawing.setAttribute("focusable", "false"); }
    watch.observe(box);
  };
  const waiting = () => {
    for (const box of charts.keys()) if (!box.isConnected) { watch.unobserve(box); box.chart?.dispose(); charts.delete(box); }
    return [...charts].filter(([box]) => !box.chart);
  };
  /* One chart at a time and after the text is on the screen, so that nothing waits for drawings. */
  let queued = false;
  const drawCharts = () => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => setTimeout(() => {
      queued = false;
      if (!window.echarts) { drawCharts(); return; }
      document.getElementById("library").textContent = T("library", { version: echarts.version });
      const [next] = waiting();
      if (next) { drawChart(...next); drawCharts(); } else document.documentElement.dataset.drawn = "yes";
    }));
  };
  const refit = (width) => {
    for (const [box, option] of charts) {
      if (!box.chart) continue;
      const wide = width ?? box.clientWidth;
      box.chart.resize({ width: Math.max(240, wide) });
      box.chart.setOption(option(wide));
    }
  };
  let pending = 0;
  const watch = new ResizeObserver(() => { cancelAnimationFrame(pending); pending = requestAnimationFrame(() => refit()); });
  addEventListener("beforeprint", () => { waiting().forEach((next) => drawChart(...next)); refit(690); });
  addEventListener("afterprint", () => refit());
  const tip = (title, lines) => h("div", { style: { fontSize: "13px" } }, h("strong", null, title), lines.map((l) => h("div", null, l)));
  const axis = { axisLine: { lineStyle: { color: COLOUR.line } }, axisTick: { show: false }, splitLine: { lineStyle: { color: "#e8ecf1" } }, axisLabel: { color: COLOUR.soft } };

  /* overview */
  const shortName = (id, wide) => `${id}. ${fieldName(id)}`.replace(new RegExp(`^(.{${wide}}\\S*).+$`), "$1…");
  const statusByField = () => {
    const rows = D.fields;
    const order = [...rows].reverse();
    const counts = rows.map((f) => STATUSES.map((s) => D.targets.filter((t) => t.field === f.id && statusOf(t) === s).length));
    return absent("rpt_scorecard") ?? h("div", { cls: "stack" }, h("h3", null, T("status_by_field")),
      chart(rows.map((f, i) => `${f.id}. ${fieldName(f.id)}: ${STATUSES.map((s, k) => `${statusWord(s)} ${counts[i][k]}`).join(", ")}`).join("; "), rows.length * 26 + 14, (width) => ({
        grid: { left: width < 520 ? 118 : 210, right: 12, top: 4, bottom: 6 },
        xAxis: { type: "value", show: false, max: "dataMax" },
        yAxis: { type: "category", data: order.map((f) => f.id), ...axis, axisLabel: { interval: 0, color: COLOUR.ink, fontSize: width < 520 ? 11 : 12, formatter: (id) => shortName(id, width < 520 ? 10 : 40) } },
        tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, formatter: (list) => tip(fieldName(order[list[0].dataIndex].id), list.map((p) => `${p.seriesName}: ${p.value}`)) },
        series: STATUSES.map((s, k) => ({
          name: statusWord(s), type: "bar", stack: "all", barWidth: 17, itemStyle: { color: COLOUR[s], borderColor: "#fff", borderWidth: 1 },
          data: counts.map((c) => c[k]).reverse(),
          label: { show: true, formatter: (p) => (p.value ? p.value : ""), color: ["missed", "met"].includes(s) ? "#fff" : COLOUR.ink },
        })),
      })));
  };
  const overview = () => {
    const left = h("div", { cls: "total" }, h("h3", { style: { marginTop: "0" } }, T("total")));
    const t = D.total;
    if (!t) left.append(absent("rpt_field_score"));
    else {
      const share = (v) => (t.max ? (100 * v) / t.max : 0);
      left.append(
        h("div", { cls: "number" }, num(t.points, 2), " ", h("small", null, `${T("of")} ${num(t.max, 1, 0)} ${T("unit_points")}`)),
        estimateLine() ?? "",
        h("div", { cls: "meter", "aria-hidden": "true" }, h("i", { style: { width: `${share(t.points)}%` } }),
          t.before == null ? null : [h("b", { style: { left: `${share(t.before)}%` } }), h("span", { style: { left: `${Math.min(84, Math.max(16, share(t.before)))}%` } }, `2023: ${num(t.before, 2)}`)]),
        h("p", null, h("strong", null, `${T("before")}: ${num(t.before, 2)}`), t.before == null || t.points == null || (t.points < t.before && t.points + (t.without_data ?? 0) >= t.before) ? "" : ` (${signed(t.points - t.before, 2)})`));
      if (t.goal != null) left.append(h("p", null, T("goal_part", { n: num(t.fields_with_goal), all: num(t.fields), goal: num(t.goal, 2), points: num(t.points_with_goal, 2) })));
      if (t.without_data) left.append(h("p", null, T("without_data", { points: num(t.without_data, 2), max: num(t.max, 1, 0) })));
    }
    const tiles = h("div", { cls: "tiles", role: "group", "aria-label": T("targets_by_status_hint") }, STATUSES.map((s) =>
      h("button", { type: "button", cls: `s-${s}`, "aria-pressed": String(S.status === s), "data-status": s, onclick: () => {
        S.status = S.status === s ? "" : s;
        filtersChanged();
        document.getElementById("targets").scrollIntoView();
      } }, icon(s), h("b", null, num(D.targets.filter((x) => statusOf(x) === s).length)), h("span", null, statusWord(s)))));
    const middle = h("div", null, h("h3", { style: { marginTop: "0" } }, T("targets_by_status")), absent("rpt_scorecard") ?? tiles);
    const who = h("div", null, h("h3", { style: { marginTop: "0" } }, T("who")), absent("rpt_scorecard") ?? table(T("who_caption"), [
      { h: T("lead"), th: true, cell: (r) => (r[0] ? vi(r[0]) : "–") },
      { h: statusWord("missed"), cls: "n", cell: (r) => h("span", { cls: r[1] ? "pill bad" : "" }, num(r[1])) },
      { h: statusWord("at_risk"), cls: "n", cell: (r) => h("span", { cls: r[2] ? "pill mid" : "" }, num(r[2])) },
      { h: T("points_lost"), cls: "n", tag: estimateTag, cell: (r) => num(r[3], 2) },
      { h: T("targets"), cls: "opt", cell: (r) => (r[4] ?? "").split(" ").filter(Boolean).slice(0, 6).flatMap((id) => [openButton(id, id), " "]).concat((r[4] ?? "").split(" ").length > 6 ? "…" : []) },
    ], D.leads, { key: "who", first: 7, none: T("nothing_missed") }));
    const old = D.stale.length ? h("div", { cls: "warn", role: "note", id: "stale" }, T("stale_figures"), h("ul", null, D.stale.map((r) => h("li", null, staleText(r))))) : null;
    return h("div", null, old, h("div", { cls: "cols" }, left, middle, who, D.state.rpt_scorecard === "ok" ? statusByField() : null));
  };

  const openButton = (id, label, agency) => h("button", { type: "button", cls: "plain", "aria-label": typeof label === "string" && label === id ? T("open_details", { id }) : null, "data-target": id, onclick: () => openTarget(id, agency) }, label);

  /* fields */
  const fields = () => {
    const rows = D.fields;
    const missing = absent("rpt_field_score");
    const order = [...rows].reverse();
    const points = missing ?? h("div", null,
      h("p", { cls: "note" }, T("field_chart"), " ", estimateLine()),
      chart(rows.map((f) => `${f.id}. ${fieldName(f.id)}: ${T("now")} ${num(f.points, 2)}, ${T("before")} ${num(f.before, 2)}, ${T("goal")} ${num(f.goal, 2)}, ${T("max")} ${num(f.max, 2)}`).join("; "), rows.length * 40 + 30, (width) => {
        const narrow = width < 520;
        const share = (f, v) => (v == null || !f.max ? null : (100 * v) / f.max);
        // White figures need a bar to stand in; beside a short one they are dark.
        const bar = (v) => (v != null && v < (narrow ? 22 : 12) ? { value: v, label: { position: "right", color: COLOUR.ink } } : v);
        return {
          grid: { left: narrow ? 118 : 210, right: 20, top: 4, bottom: 22 },
          xAxis: { type: "value", min: 0, max: 100, interval: narrow ? 50 : 25, ...axis, axisLabel: { color: COLOUR.soft, formatter: "{value}%" } },
          yAxis: { type: "category", data: order.map((f) => f.id), ...axis, axisLabel: { interval: 0, color: COLOUR.ink, width: narrow ? 108 : 200, overflow: "break", lineHeight: 14, formatter: (id) => shortName(id, narrow ? 24 : 52), fontSize: narrow ? 11 : 12 } },
          tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, formatter: (list) => {
            const f = order[list[0].dataIndex];
            return tip(fieldName(f.id), [`${T("now")}: ${beside(f.points, [f.max, f.goal])} / ${num(f.max, 2)}${D.estimate ? ` (${T("estimate_short")})` : ""}`, `${T("before")}: ${num(f.before, 2)}`, `${T("goal")}: ${f.goal == null ? T("goal_rank_only") : num(f.goal, 2)}`]);
          } },
          series: [
            { type: "bar", data: order.map((f) => share(f, f.before)), itemStyle: { color: COLOUR.before }, barWidth: 6, barGap: "25%" },
            { type: "bar", data: order.map((f) => bar(share(f, f.points))), itemStyle: { color: COLOUR.now }, barWidth: 17, label: { show: true, position: "insideLeft", formatter: (p) => num(order[p.dataIndex].points, 2), color: "#fff", fontWeight: 600 } },
            { type: "scatter", data: order.map((f, i) => [share(f, f.goal), i]).filter((p) => p[0] != null), symbol: "rect", symbolSize: [3, 30], itemStyle: { color: COLOUR.goal }, silent: true, z: 5 },
          ],
        };
      }));
    const exact = missing ? null : table(T("table_of_chart"), [
      { h: T("field"), th: true, cell: (f) => h("button", { type: "button", cls: "plain", onclick: () => openField(f) }, `${f.id}. ${fieldName(f.id)}`, f.note ? " *" : "") },
      { h: T("now"), cls: "n", tag: estimateTag, cell: (f) => h("strong", null, beside(f.points, [f.max, f.goal])) },
      { h: T("max"), cls: "n opt", cell: (f) => num(f.max, 1) },
      { h: "2023", cls: "n opt", cell: (f) => num(f.before, 2) },
      { h: T("goal"), cls: "n", cell: (f) => (f.goal == null ? h("span", { cls: "dim" }, T("goal_rank_only")) : num(f.goal, 2)) },
      { h: T("gap"), cls: "n", cell: (f) => [
        h("span", { cls: f.gap == null ? "" : f.gap < 0 ? "pill bad" : "pill ok" }, signed(f.gap, 2)),
        f.gap < 0 && f.without_data ? h("small", { cls: "aside" }, T("gap_open", { points: num(f.without_data, 2) })) : null,
      ] },
    ], rows, { key: "fields" });
    return h("div", { cls: "pair" }, points, exact);
  };

  /* targets */
  const agencyFigure = (id, agency) => (D.agency_year[id] ?? []).find((r) => r[0] === agency);
  const levelHas = (t, level) => t.level === level || (!t.level && (D.agency_year[t.id] ?? []).some((r) => agencyLevel(r[0]) === level));
  const plainWords = (text) => (text ?? "").normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/[đĐ]/g, "d").toLowerCase();
  const shownTargets = () => {
    const words = plainWords(S.q).split(/\s+/).filter(Boolean);
    const agency = S.agency === "" ? null : +S.agency;
    return D.targets.filter((t) => (!S.field || t.field === S.field) && (!S.status || statusOf(t) === S.status)
      && (!S.level || levelHas(t, S.level)) && (agency == null || agencyFigure(t.id, agency))
      && (!words.length || words.every((w) => plainWords(`${t.id} ${t.name} ${english(t) ?? ""} ${t.text} ${t.lead}`).includes(w))));
  };
  const spark = (id, agency, t) => {
    const list = agency == null ? D.province_months[id] : D.agency_months[id]?.[agency];
    const points = (list ?? []).map((r) => [r[0], r[3]]).filter((p) => p[1] != null);
    if (points.length < 2) return h("span", { cls: "dim" }, "–");
    const values = points.map((p) => p[1]).concat(t.goal != null && isRate(t) ? [t.goal] : []);
    const low = Math.min(...values), high = Math.max(...values), n = Math.max(1, D.months.length - 1);
    const x = (i) => 2 + (88 * i) / n, y = (v) => (high === low ? 12 : 21 - (18 * (v - low)) / (high - low));
    const drawing = svg("svg", { class: "spark", viewBox: "0 0 92 24", "aria-hidden": "true", focusable: "false" });
    if (t.goal != null && isRate(t)) drawing.append(svg("path", { d: `M2 ${y(t.goal)}H90`, stroke: "#7b8794", "stroke-dasharray": "2 2", fill: "none" }));
    drawing.append(svg("path", { d: points.map((p, i) => `${i ? "L" : "M"}${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join(""), stroke: COLOUR.now, "stroke-width": "1.6", fill: "none" }));
    const last = points[points.length - 1];
    drawing.append(svg("circle", { cx: x(last[0]), cy: y(last[1]), r: "2.2", fill: COLOUR.now }));
    return [drawing, h("span", { cls: "sr" }, `${monthName(points[0][0])} ${brief(points[0][1], t.goal)}, ${monthName(last[0])} ${brief(last[1], t.goal)}`)];
  };
  const targets = () => {
    const missing = D.targets.length ? null : absent("dim_target", "rpt_scorecard");
    if (missing) return missing;
    const agency = S.agency === "" ? null : +S.agency;
    const list = shownTargets();
    document.getElementById("filter-count").textContent = T("filter_count", { shown: num(list.length), all: num(D.targets.length) });
    const value = (t) => {
      if (agency == null) return figure(t, t.value);
      const r = agencyFigure(t.id, agency);
      return figure(t, r[3]);
    };
    return h("div", null,
      D.state.rpt_scorecard === "ok" ? null : absent("rpt_scorecard"),
      agency == null ? null : h("p", { cls: "note" }, h("strong", null, T("agency_view", { agency: agencyName(agency) }))),
      h("p", { cls: "note" }, estimateLine()),
      table(T("targets_caption"), [
        { h: T("code"), cls: "no", label: false, cell: (t) => t.id },
        { h: T("target"), cls: "name", th: true, label: false, cell: (t) => openButton(t.id, [h("span", { cls: "no-phone" }, `${t.id} `), targetNameNode(t)], agency ?? undefined) },
        { h: T("value"), cls: "n", cell: (t) => h("strong", null, value(t)) },
        { h: T("required"), cls: "n req", cell: (t) => (t.goal == null ? h("span", { cls: "dim" }, "–", h("span", { cls: "sr" }, T("achieved_text"))) : required(t)) },
        { h: T("status"), cls: "state", label: false, cell: (t) => h("span", { title: both(t.reason, t.reason_en) || null }, status(statusOf(t))) },
        { h: T("points"), cls: "n", tag: estimateTag, cell: (t) => (t.points == null && t.max == null ? "–" : pointsOf(t.points, t.max)) },
        { h: T("trend"), cls: "no", label: false, cell: (t) => spark(t.id, agency, t) },
        { h: T("lead"), cls: "lead dim", label: false, cell: (t) => (t.lead ? h("span", { cls: "clamp", title: t.lead, lang: S.lang ? "vi" : null }, t.lead) : "–") },
      ], list, { key: "targets", first: 400, cards: true, none: T("none_filtered") }));
  };

  /* trend */
  const monthRows = (id, agency) => (agency == null || agency === -1 ? D.province_months[id] : D.agency_months[id]?.[agency]) ?? [];
  const trendChart = (t, agency, height) => {
    const rows = monthRows(t.id, agency);
    const values = D.months.map((_, i) => { const r = rows.find((x) => x[0] === i); return r && r[3] != null ? r[3] : null; });
    const goal = t.goal != null && isRate(t) ? t.goal : null;
    const known = values.filter((v) => v != null).concat(goal == null ? [] : [goal]);
    const low = Math.min(...known), high = Math.max(...known);
    const rough = Math.max(high - low, 0.4) / 4, ten = 10 ** Math.floor(Math.log10(rough));
    const step = ten * ([1, 2, 5, 10].find((m) => m * ten >= rough) ?? 10);
    const bottom = Math.floor(low / step - 0.2) * step, top = Math.ceil(high / step + 0.2) * step;
    const unit = isRate(t) ? "%" : "";
    const label = `${t.id} ${targetName(t)}, ${agencyName(agency ?? -1)}. ${rows.map((r) => `${monthName(r[0])}: ${figure(t, r[3])}`).join("; ")}. ${T("required")} ${required(t)}`;
    return h("div", null,
      chart(label, height, (width) => ({
        grid: { left: 52, right: 18, top: 22, bottom: 26 },
        xAxis: { type: "category", data: D.months.map((m) => (width < 520 ? `${+m.slice(5)}` : `${m.slice(5)}/${m.slice(0, 4)}`)), ...axis, splitLine: { show: false } },
        yAxis: { type: "value", min: isRate(t) && low >= 0 ? Math.max(0, bottom) : bottom, max: isRate(t) && high <= 100 ? Math.min(100, top) : top, interval: step, ...axis, axisLabel: { color: COLOUR.soft, formatter: (v) => num(v, step < 1 ? 1 : 0) + unit } },
        tooltip: { trigger: "axis", formatter: (list) => {
          const r = rows.find((x) => x[0] === list[0].dataIndex);
          return tip(monthName(list[0].dataIndex), r ? [`${figure(t, r[3])}`, `${T("numerator")}: ${num(r[1], 2, 0)}`, ...(r[2] == null ? [] : [`${T("denominator")}: ${num(r[2], 2, 0)}`])] : [T("no_data")]);
        } },
        series: [{
          type: "line", data: values, symbol: "circle", symbolSize: 7, lineStyle: { color: COLOUR.now, width: 2.5 }, itemStyle: { color: COLOUR.now },
          label: { show: width > 420, formatter: (p) => brief(p.value, goal), color: COLOUR.ink, fontSize: 11 },
          markLine: goal == null ? undefined : { silent: true, symbol: "none", animation: false, lineStyle: { color: COLOUR.missed, type: "dashed" }, label: { show: width > 420, formatter: T("trend_line", { goal: required(t) }), position: "insideStartTop", color: COLOUR.missed }, data: [{ yAxis: goal }] },
        }],
      })),
      h("details", { cls: "alt" }, h("summary", null, T("table_of_chart")), table(`${t.id} ${targetName(t)}`, [
        { h: T("month"), th: true, cell: (r) => monthName(r[0]) },
        { h: isRate(t) ? T("numerator") : T("counted"), cls: "n", cell: (r) => num(r[1], 2, 0) },
        { h: T("denominator"), cls: "n", cell: (r) => num(r[2], 2, 0) },
        { h: T("value"), cls: "n", cell: (r) => figure(t, r[3]) },
      ], rows, { key: `months ${t.id} ${agency}`, first: 12 })));
  };
  const trend = () => {
    const withMonths = D.targets.filter((t) => (D.province_months[t.id] ?? []).length > 0);
    if (!withMonths.length) return h("p", { cls: "absent" }, T("no_data"));
    if (!withMonths.some((t) => t.id === S.trend)) S.trend = (withMonths.find((t) => t.family === "on_time" && t.status === "missed") ?? withMonths.find((t) => t.family === "on_time") ?? withMonths[0]).id;
    const t = byId.get(S.trend);
    const agency = S.agency !== "" && monthRows(t.id, +S.agency).length ? +S.agency : -1;
    return h("div", null,
      h("div", { cls: "switch" }, h("label", null, T("trend_choose"), h("select", { id: "trend-target", onchange: (e) => { S.trend = e.target.value; redraw("trend"); } },
        withMonths.map((x) => h("option", { value: x.id, selected: x.id === S.trend }, `${x.id} ${targetName(x)}`.slice(0, 90)))))),
      h("p", { cls: "note" }, openButton(t.id, [`${t.id} `, targetNameNode(t)]), " · ", agencyNode(agency), " · ", `${T("required")} ${required(t)}`),
      trendChart(t, agency, 250));
  };

  /* ranking */
  const doubts = (r) => [r[8] && "small", r[10] && "few"].filter(Boolean);
  const ranking = () => {
    const missing = absent("rpt_agency_ranking");
    if (missing) return missing;
    const rows = D.ranking.filter((r) => r[0] === S.rankLevel && r[1] === S.rankPeriod);
    const parent = (i) => D.agencies[i]?.[3] ?? "";
    const districts = [...new Set(rows.map((r) => parent(r[3])))].filter((code) => D.agencies.some((a) => a[0] === code)).sort();
    const inDistrict = S.rankLevel === "xa" && S.district && districts.includes(S.district);
    const list = inDistrict ? rows.filter((r) => parent(r[3]) === S.district) : rows;
    const place = (r) => (r[4] == null ? null : 1 + list.filter((o) => o[4] != null && o[4] < r[4]).length);
    const press = (group, name, values, label) => h("div", { role: "group", "aria-label": label }, values.map(([v, text]) =>
      h("button", { type: "button", "aria-pressed": String(S[name] === v), onclick: (e) => {
        S[name] = v;
        if (name === "rankLevel") S.district = "";
        redraw("ranking");
        document.querySelector(`#ranking button[data-v="${v}"]`)?.focus();
        e.preventDefault();
      }, "data-v": v }, text)));
    const period = rows[0]?.[1] === "month" ? `${T("month")} ${rows[0][2].slice(5, 7)}/${rows[0][2].slice(0, 4)}${rows[0][11] ? ` (${T("until", { day: day(D.as_of) })})` : ""}` : T("year_to_date");
    const change = (r) => {
      if (r[4] == null || r[5] == null) return "–";
      const by = r[5] - r[4];
      if (!by) return h("span", { cls: "dim" }, "=", h("span", { cls: "sr" }, T("same")));
      return h("span", { cls: by > 0 ? "pill ok" : "pill bad" }, h("span", { "aria-hidden": "true" }, `${by > 0 ? "▲" : "▼"} ${num(Math.abs(by))}`), h("span", { cls: "sr" }, T(by > 0 ? "up" : "down", { n: num(Math.abs(by)) })));
    };
    return h("div", null,
      h("p", { cls: "note" }, T("ranking_note")),
      h("div", { cls: "switch" },
        press("level", "rankLevel", LEVELS.map((l) => [l, T(l)]), T("level_choice")),
        press("period", "rankPeriod", [["ytd", T("year_to_date")], ["month", T("month")]], T("period_choice")),
        S.rankLevel === "xa" && districts.length ? h("label", null, T("district"), h("select", { id: "rank-district", onchange: (e) => { S.district = e.target.value; redraw("ranking"); } },
          h("option", { value: "" }, T("all")), districts.map((code) => h("option", { value: code, selected: S.district === code }, D.agencies.find((a) => a[0] === code)[1])))) : null),
      table(T("ranking_caption", { level: T(S.rankLevel), period }), [
        { h: T("place"), cls: "n", cell: (r) => (r[4] == null ? h("span", { cls: "dim" }, T("not_ranked")) : h("strong", null, num(r[4]))) },
        ...(inDistrict ? [{ h: T("place_district"), cls: "n", cell: (r) => num(place(r)) }] : []),
        { h: T("change"), cls: "n opt", cell: change },
        { h: T("agency"), th: true, cell: (r) => [h("button", { type: "button", cls: "plain", onclick: () => openRanking(r) }, agencyNode(r[3])), doubts(r).map((why) => [" ", h("span", { cls: "tag", title: T(`${why}_why`) }, T(why))])] },
        { h: T("score"), cls: "n", cell: (r) => num(r[6], 2) },
        { h: T("bar"), cls: "opt", cell: (r) => bar(r[6]) },
        { h: T("indicators_counted"), cls: "n opt", cell: (r) => num(r[7]) },
      ], list, { key: `ranking ${S.rankLevel} ${S.district}`, first: 26, rowClass: (r) => (S.agency !== "" && r[3] === +S.agency ? "mine" : null) }));
  };

  /* late-dossier budgets */
  const budget = () => {
    const missing = absent("rpt_late_budget");
    if (missing) return missing;
    const ids = [...new Set(D.late_budget.map((r) => r[0]))];
    if (!ids.includes(S.budget)) S.budget = ids[0];
    const all = D.late_budget.filter((r) => r[0] === S.budget);
    let list = [...all.filter((r) => r[1] === -1), ...all.filter((r) => r[1] !== -1)];
    if (S.agency !== "" && list.some((r) => r[1] === +S.agency)) list = list.filter((r) => r[1] === +S.agency || r[1] === -1);
    const t = byId.get(S.budget) ?? { id: S.budget, unit: "%" };
    return h("div", null,
      h("p", { cls: "note" }, T("budget_note")),
      h("p", { cls: "note" }, T("waiting_note")),
      h("div", { cls: "switch" }, h("div", { role: "group", "aria-label": T("trend_choose") }, ids.map((id) => h("button", { type: "button", "aria-pressed": String(id === S.budget), "data-v": id, onclick: () => { S.budget = id; redraw("budget"); document.querySelector(`#budget button[data-v="${id}"]`)?.focus(); } },
        `${id}${byId.get(id)?.level ? ` ${T(byId.get(id).level)}` : ""}`)))),
      table(T("budget_caption", { id: S.budget }), [
        { h: T("agency"), th: true, cell: (r) => (r[1] === -1 ? h("strong", null, agencyName(-1)) : openButton(S.budget, agencyNode(r[1]), r[1])) },
        { h: T("due_so_far"), cls: "n opt", cell: (r) => num(r[2]) },
        { h: T("late"), cls: "n", cell: (r) => num(r[3]) },
        { h: T("late_allowed"), cls: "n", cell: (r) => num(r[4], 1, 0) },
        { h: T("late_left"), cls: "n", cell: (r) => (r[5] != null && r[5] < 0 ? h("span", { cls: "pill bad" }, `${num(r[5], 1, 0)} ${T("overspent")}`) : num(r[5], 1, 0)) },
        { h: T("used"), cls: "opt", cell: (r) => bar(r[4] ? (100 * r[3]) / r[4] : r[3] ? 100 : 0, r[5] != null && r[5] < 0) },
        { h: T("burn_rate"), cls: "n opt", cell: (r) => (r[6] == null ? "–" : `${num(100 * r[6], 0)}%`) },
        { h: T("waiting_overdue"), cls: "n", cell: (r) => num(r[10]) },
        { h: T("due_7"), cls: "n opt", cell: (r) => num(r[7]) },
        { h: T("projected"), cls: "n opt", cell: (r) => figure(t, r[8]) },
        /* The day is of the year as projected: beside what is overspent by now it would read as still to come. */
        { h: T("runs_out"), cls: "n opt", cell: (r) => (r[5] != null && r[5] < 0 ? T("used_up") : day(r[9])) },
      ], list, { key: `budget ${S.budget}`, first: 12 }));
  };

  /* dossiers at risk */
  const risk = () => {
    const missing = absent("rpt_dossier_at_risk");
    if (missing) return missing;
    let list = D.at_risk_by_agency;
    if (S.level) list = list.filter((r) => (r[1] ?? agencyLevel(r[0])) === S.level);
    if (S.agency !== "") list = list.filter((r) => r[0] === +S.agency);
    return h("div", null, h("p", { cls: "note" }, T("risk_note")), table(T("risk_caption"), [
      { h: T("agency"), th: true, cell: (r) => [h("button", { type: "button", cls: "plain", onclick: () => openRisk(r) }, agencyNode(r[0])), agencyEnd(r[0])] },
      { h: T("overdue"), cls: "n", cell: (r) => h("span", { cls: r[2] ? "pill bad" : "dim" }, num(r[2])) },
      { h: T("due_today"), cls: "n", cell: (r) => h("span", { cls: r[3] ? "pill mid" : "dim" }, num(r[3])) },
      { h: T("due_soon"), cls: "n", cell: (r) => num(r[4]) },
      { h: T("oldest_due"), cls: "n opt", cell: (r) => day(r[5]) },
    ], list, { key: "risk", first: 12, none: T("none_filtered") }));
  };

  const regain = () => absent("rpt_points_to_regain") ?? h("div", null, h("p", { cls: "note" }, estimateLine()), table(T("regain_caption"), [
    { h: T("order"), cls: "n opt", cell: (r) => num(r[6]) },
    { h: T("target"), th: true, cell: (r) => openButton(r[0], byId.has(r[0]) ? [`${r[0]} `, targetNameNode(byId.get(r[0]))] : r[0]) },
    { h: T("points_lost"), cls: "n", tag: estimateTag, cell: (r) => beside(r[1], [0]) },
    { h: T("to_do"), cell: (r) => (both(r[7], r[8]) || (r[2] == null ? "–" : `${num(r[2], 2, 0)} ${(S.lang ? r[4] ?? r[3] : r[3]) ?? ""}`)) },
    { h: T("per_unit"), cls: "n opt", tag: estimateTag, cell: (r) => num(r[5], 4, 0) },
    { h: T("lead"), cls: "lead dim opt", cell: (r) => (byId.get(r[0])?.lead ? vi(byId.get(r[0]).lead) : "–") },
  ], D.regain.filter((r) => !S.field || byId.get(r[0])?.field === S.field), { key: "regain", first: 12, none: T("none_filtered") }));

  const alerts = () => {
    if (D.state.fct_alert === "missing") return absent("fct_alert");
    let list = D.alerts;
    /* What many miss is one alert of the target: it speaks for this agency, too, where it misses. */
    const speaksFor = (r, agency) => r[2] === agency || (r[0] === "target_missed" && !(r[2] >= 0) && agencyFigure(r[1], agency)?.[4] === 0);
    if (S.agency !== "") list = list.filter((r) => speaksFor(r, +S.agency));
    if (S.field) list = list.filter((r) => byId.get(r[1])?.field === S.field);
    const tone = (s) => ({ critical: "bad", high: "bad", medium: "mid" }[(s ?? "").toLowerCase()] ?? "off");
    return table(T("alerts_caption"), [
      { h: T("severity"), cell: (r) => [h("span", { cls: `pill ${tone(r[3])}` }, ui((r[3] ?? "").toLowerCase()) || r[3]), r[4] === "muted" ? h("div", { cls: "dim" }, T("muted"), r[11] ? ` ${T("until", { day: day(r[11]) })}` : "") : null, r[4] === "frozen" ? h("div", { cls: "dim" }, T("frozen", { at: moment(r[6]) })) : null] },
      { h: T("message"), th: true, cell: (r) => [(S.lang ? r[10] ?? vi(r[9] ?? "") : r[9]) ?? "–", " ", r[1] && byId.has(r[1]) ? openButton(r[1], r[1], r[2] >= 0 ? r[2] : undefined) : null] },
      { h: T("agency"), cls: "opt", cell: (r) => agencyNode(r[2]) },
      { h: T("value"), cls: "n opt", cell: (r) => beside(r[7], [r[8]], 0) },
      { h: T("required"), cls: "n opt", cell: (r) => (r[8] == null ? "–" : num(r[8], 2, 0)) },
      { h: T("opened"), cls: "n", cell: (r) => day(r[5]) },
    ], list, { key: "alerts", first: 10 });
  };

  const integrity = () => {
    const missing = D.state.fct_integrity_signal === "missing" ? absent("fct_integrity_signal") : null;
    if (missing) return missing;
    const kinds = new Map();
    for (const [kind, agency, count, seen] of D.integrity) {
      if (S.agency !== "" && agency !== +S.agency) continue;
      const k = kinds.get(kind) ?? { kind, count: 0, seen: "", most: [] };
      k.count += count;
      if (seen > k.seen) k.seen = seen;
      k.most.push([agency, count]);
      kinds.set(kind, k);
    }
    return h("div", null, h("p", { cls: "note" }, T("integrity_note")), table(T("integrity_caption"), [
      { h: T("kind"), th: true, cell: (k) => word("integrity_kinds", k.kind) ?? k.kind },
      { h: T("signals"), cls: "n", cell: (k) => num(k.count) },
      { h: T("agencies_with_most"), cell: (k) => k.most.slice(0, 3).flatMap(([a, n], i) => [i ? "; " : "", agencyNode(a), ` (${num(n)})`]) },
      { h: T("last_seen"), cls: "n opt", cell: (k) => day(k.seen) },
    ], [...kinds.values()].sort((a, b) => b.count - a.count), { key: "integrity" }));
  };

  const staleText = ([, message, english]) => (S.lang ? english ?? vi(message ?? "") : message ?? "");
  const quality = () => {
    const isStale = (source, name) => D.stale.some((r) => r[0] === `${source}.${name}`);
    const [checks, failed, at] = D.checks;
    return h("div", null,
      absent("fct_delivery") ?? h("div", null,
        h("p", { cls: "note" }, D.delivery_counts.map((r) => `${T(r[0])}: ${num(r[1])} ${T("files").toLowerCase()}`).join(" · "), " · ", `${T("rows_rejected")}: ${num(D.delivery_counts.reduce((n, r) => n + (r[4] ?? 0), 0))}`),
        D.stale.map((r) => h("p", { cls: "warn" }, staleText(r))),
        h("div", { cls: "pair" },
          table(T("sources_caption"), [
            { h: T("source"), cell: (r) => sourceName(r[0]) },
            { h: T("table"), th: true, cell: (r) => h("span", { cls: "code" }, r[1] ?? "–") },
            { h: T("last_delivery"), cls: "n", cell: (r) => [day(r[2]), isStale(r[0], r[1]) ? [" ", h("span", { cls: "tag", title: T("stale_alert") }, T("stale"))] : null] },
            { h: T("days_old"), cls: "n opt", cell: (r) => num(r[3]) },
            { h: T("files_not_loaded"), cls: "n opt", cell: (r) => h("span", { cls: r[5] ? "pill bad" : "dim" }, num(r[5])) },
            { h: T("rows_rejected"), cls: "n", cell: (r) => h("span", { cls: r[7] ? "pill mid" : "dim" }, num(r[7])) },
          ], D.sources, { key: "sources", first: 20 }),
          table(T("deliveries_caption"), [
            { h: T("day"), cls: "n opt", cell: (r) => day(r[0]) },
            { h: T("file"), th: true, cell: (r) => h("span", { cls: "code" }, r[3] ?? "–") },
            { h: T("outcome"), cell: (r) => [h("span", { cls: `pill ${r[4] === "partly_quarantined" || r[4] === "loaded" ? "mid" : "bad"}` }, ui(r[4])), r[5] ? h("div", { cls: "dim" }, both(r[5])) : null] },
            { h: T("rows_rejected"), cls: "n", cell: (r) => `${num(r[8])} / ${num(r[6])}` },
          ], D.deliveries, { key: "deliveries", first: 10 }))),
      absent("fct_check_result") ?? h("div", null,
        h("h3", null, T("checks", { failed: num(failed), all: num(checks) })), h("p", { cls: "note" }, moment(at)),
        failed ? table(T("checks_caption"), [
          { h: T("severity"), cell: (r) => h("span", { cls: `pill ${r[0] === "warn" ? "mid" : "bad"}` }, ui(r[0])) },
          { h: T("table"), th: true, cell: (r) => h("span", { cls: "code" }, r[2] ?? "–") },
          { h: T("column"), cls: "opt", cell: (r) => h("span", { cls: "code" }, r[3] ?? "–") },
          { h: T("check"), cell: (r) => (r[7] ? both(r[7], r[8]) : h("span", { cls: "code" }, r[4] ?? "–")) },
          { h: T("unexpected"), cls: "n", cell: (r) => (r[5] == null ? "–" : `${num(r[5])}${r[6] == null ? "" : ` / ${num(r[6])}`}`) },
        ], D.failed_checks, { key: "checks", first: 10 }) : null));
  };

  /* details */
  const dialog = document.getElementById("dialog");
  const show = (title, ...content) => {
    const back = document.activeElement;
    const close = h("button", { type: "button", onclick: () => dialog.close() }, T("close"));
    dialog.replaceChildren(h("div", { cls: "head" }, h("h2", { id: "dialog-title", tabindex: "-1" }, title), close), h("div", { cls: "inside" }, content));
    if (!dialog.open) {
      dialog.showModal();
      dialog.addEventListener("close", () => { if (back && back.isConnected) back.focus(); drop("t"); }, { once: true });
    }
    dialog.scrollTop = 0;
    document.getElementById("dialog-title").focus();
    drawCharts();
  };
  dialog.addEventListener("click", (e) => { if (e.target === dialog) dialog.close(); });
  const fact = (name, value) => (value == null || value === "" ? [] : [h("dt", null, name), h("dd", null, value)]);
  /* The plan says "in 2024"; in a later year, in which it is still in force, the day alone is right. */
  const deadlineOf = (t) => {
    const year = t.deadline?.slice(0, 4);
    const text = t.deadline_text && (!/20\d\d/.test(t.deadline_text) || t.deadline_text.includes(year)) ? t.deadline_text : null;
    return text ? [vi(text), year ? ` (${day(t.deadline)})` : ""] : day(t.deadline);
  };
  const ruleOf = (t) => W.rules[`${t.family}.${t.measure}`] ?? W.rules[t.family] ?? {};

  function openTarget(id, agency) {
    const t = byId.get(id);
    if (!t) return;
    const mine = agency != null && agency >= 0 ? agencyFigure(id, agency) : null;
    const [n, d, value, meets] = mine ? mine.slice(1) : [t.num, t.den, t.value, t.meets];
    const rule = ruleOf(t);
    const agencies = [...(D.agency_year[id] ?? [])].sort((a, b) => (a[3] == null) - (b[3] == null) || (t.op === "<=" ? b[3] - a[3] : a[3] - b[3]));
    const rate = isRate(t);
    const verdict = (m) => (m == null ? h("span", { cls: "dim" }, T("verdict_none")) : status(m ? "met" : "missed"));
    /* A number of pieces is asked of the province as a whole, not of each agency; what one office reports is the province's. */
    const binds = (one) => one.kind !== "count" && one.scope !== "one_office";
    const variants = D.variants[id] ?? [];
    show([`${id} `, targetNameNode(t)],
      h("p", { cls: "note" }, agencyNode(mine ? agency : -1), " · ", `${T("as_of")} ${day(D.as_of)}`),
      h("div", { cls: "figure" }, h("span", { cls: "big" }, figure(t, value, n, d)), h("span", null, `${T("required")}: ${required(t)}`), mine ? verdict(binds(t) ? meets : null) : status(statusOf(t)),
        mine || t.max == null ? null : h("span", null, `${T("points")}: ${pointsOf(t.points, t.max)} `, estimateLine())),
      t.note ? h("div", { cls: "warn", role: "note" }, h("strong", null, `${T("plan_note")}. `), both(t.note, t.note_en)) : null,
      h("dl", { cls: "facts" },
        fact(rate ? T("numerator") : T("counted"), n == null ? T("no_data") : [h("strong", null, num(n, 2, 0)), rule.num ? ` ${pick(rule.num)}` : ""]),
        rate ? fact(T("denominator"), d == null ? T("no_data") : [h("strong", null, num(d, 2, 0)), rule.den ? ` ${pick(rule.den)}` : ""]) : [],
        mine ? [] : fact(T("reason"), both(t.reason, t.reason_en)),
        fact(T("rule"), rule.rule ? [pick(rule.rule), t.variant && t.variant !== "headline" ? ` (${word("variants", t.variant) ?? t.variant})` : ""] : null),
        fact(T("plan_text"), t.text ? vi(t.text) : null),
        fact(T("points"), t.rule ? [word("rule_kinds", t.rule) ?? t.rule, stepsOf(t), " ", estimateLine()] : null),
        fact(T("alarm_floor"), t.floor == null ? null : `${num(t.floor, 1, 0)}%`),
        fact(T("source_system"), t.source ? sourceName(t.source) : null),
        fact(T("legal"), [rule.legal ? `${pick(rule.legal)}. ` : "", pick(W.legal_common)]),
        fact(T("lead"), t.lead ? vi(t.lead) : null),
        fact(T("coordinating"), t.coord ? vi(t.coord) : null),
        fact(T("deadline"), deadlineOf(t)),
        fact(T("period"), T(t.stock ? "period_stock" : "period_ytd", { date: day(D.as_of) }))),
      monthRows(id, mine ? agency : -1).length ? [h("h3", null, T("trend_of")), trendChart(t, mine ? agency : -1, 220)] : null,
      variants.length ? [h("h3", null, T("other_readings")), table(T("other_readings_caption"), [
        { h: T("reading"), th: true, cell: (r) => word("variants", r[0]) ?? r[0] },
        { h: T("numerator"), cls: "n", cell: (r) => num(r[1], 2, 0) },
        { h: T("denominator"), cls: "n", cell: (r) => num(r[2], 2, 0) },
        { h: T("value"), cls: "n", cell: (r) => figure(t, r[3], r[1], r[2]) },
      ], variants, { key: `variants ${id}` })] : null,
      agencies.length ? [h("h3", null, T("by_agency")), table(T("by_agency_caption"), [
        { h: T("agency"), th: true, cell: (r) => h("button", { type: "button", cls: "plain", onclick: () => openTarget(id, r[0]) }, agencyNode(r[0])) },
        { h: rate ? T("numerator") : T("counted"), cls: "n opt", cell: (r) => num(r[1], 2, 0) },
        { h: T("denominator"), cls: "n opt", cell: (r) => num(r[2], 2, 0) },
        { h: T("value"), cls: "n", cell: (r) => figure(t, r[3], r[1], r[2]) },
        { h: T("bar"), cls: "opt", cell: (r) => (rate && !inWords(t) ? bar(r[3]) : "") },
        { h: T("agency_met"), cell: (r) => verdict(binds(t) ? r[4] : null) },
      ], agencies, { key: `agencies ${id}`, first: 10, rowClass: (r) => (mine && r[0] === agency ? "mine" : null) })] : null);
    keep("t", id);
  }
  function openField(f) {
    show([`${f.id}. `, f.name ? vi(f.name) : fieldName(f.id)],
      h("div", { cls: "figure" }, h("span", { cls: "big" }, beside(f.points, [f.max, f.goal])), h("span", null, `${T("of")} ${num(f.max, 2)}`), estimateLine()),
      f.note ? h("div", { cls: "warn", role: "note" }, h("strong", null, `${T("plan_note")}. `), both(f.note, f.note_en)) : null,
      h("dl", { cls: "facts" }, fact(T("self_points"), f.self == null ? null : [num(f.self, 2), " ", estimateLine()]), fact(T("survey_points"), f.survey == null ? null : num(f.survey, 2)), fact(T("points_without_data"), f.without_data ? num(f.without_data, 2) : null), fact(T("before"), num(f.before, 2)), fact(T("goal"), f.goal == null ? T("goal_rank_only") : num(f.goal, 2)), fact(T("gap"), signed(f.gap, 2)), fact(T("legal"), pick(W.legal_common)), fact(T("as_of"), day(D.as_of))),
      h("h3", null, T("targets")),
      table(T("targets_caption"), [
        { h: T("target"), th: true, cell: (t) => openButton(t.id, [`${t.id} `, targetNameNode(t)]) },
        { h: T("value"), cls: "n", cell: (t) => figure(t, t.value) },
        { h: T("status"), cell: (t) => status(statusOf(t)) },
        { h: T("points"), cls: "n", tag: estimateTag, cell: (t) => pointsOf(t.points, t.max) },
      ], D.targets.filter((t) => t.field === f.id), { key: `field ${f.id}`, first: 40 }));
  }
  function openRanking(r) {
    let parts = [];
    try { parts = JSON.parse(r[9] ?? "[]"); } catch { parts = []; }
    if (!Array.isArray(parts)) parts = Object.entries(parts).map(([k, v]) => (v && typeof v === "object" ? { target_id: k, ...v } : { target_id: k, value: v }));
    const names = [...new Set(parts.flatMap((p) => Object.keys(p)))].filter((k) => k !== "target_id");
    show(T("parts_of", { agency: agencyName(r[3]) }),
      h("p", { cls: "note" }, T("ranking_note")),
      h("div", { cls: "figure" }, h("span", { cls: "big" }, num(r[6], 2)), h("span", null, `${T("place")}: ${r[4] == null ? T("not_ranked") : num(r[4])}`), doubts(r).map((why) => h("span", { cls: "tag" }, T(`${why}_why`)))),
      parts.length ? table(T("parts"), [
        { h: T("target"), th: true, cell: (p) => (byId.has(p.target_id) ? openButton(p.target_id, [`${p.target_id} `, targetNameNode(byId.get(p.target_id))], r[3]) : String(p.target_id ?? "–")) },
        ...names.map((k) => ({ h: W.ui[k] ? T(k) : k, cls: "n", cell: (p) => (typeof p[k] === "number" ? beside(p[k], [{ value: p.target_value, attainment: 100 }[k]], 0) : p[k] == null ? "–" : String(p[k])) })),
      ], parts, { key: "parts", first: 40 }) : h("p", { cls: "absent" }, T("no_data")));
  }
  function openRisk(r) {
    const list = D.at_risk[r[0]] ?? [];
    const all = r[2] + r[3] + r[4];
    show(T("risk_codes", { agency: agencyName(r[0]) }),
      agencyEnd(r[0]),
      h("p", { cls: "note" }, list.length < all ? T("codes_shown_of", { shown: num(list.length), all: num(all) }) : T("risk_note")),
      table(T("risk_caption"), [
        { h: T("dossier"), th: true, cell: (x) => h("span", { cls: "code" }, x[0]) },
        { h: T("procedure"), cls: "opt", cell: (x) => [h("span", { cls: "code" }, x[1] ?? "–"), " ", D.procedures[x[1]] ? vi(D.procedures[x[1]]) : ""] },
        { h: T("due_on"), cls: "n", cell: (x) => h("span", { cls: x[2] < D.as_of ? "pill bad" : x[2] === D.as_of ? "pill mid" : "" }, day(x[2])) },
        { h: T("days_left"), cls: "n", cell: (x) => num(x[3]) },
      ], list, { key: "codes", first: 40 }));
  }

  /* the page */
  const SECTIONS = { overview, fields, targets, trend, regain, ranking, budget, risk, alerts, integrity, quality };
  const redraw = (...names) => {
    for (const name of names) {
      let content;
      try { content = SECTIONS[name](); } catch (error) { console.error(name, error); content = h("p", { cls: "absent" }, T("no_data")); }
      document.querySelector(`#${name} .body`).replaceChildren(content);
    }
    drawCharts();
  };
  const filtersChanged = () => {
    const form = document.getElementById("filter-form");
    for (const name of ["field", "level", "status", "agency"]) form.elements[name].value = S[name];
    if (form.elements.q.value !== S.q) form.elements.q.value = S.q;
    document.querySelectorAll("button[data-status]").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.status === S.status)));
    redraw("targets", "trend", "regain", "ranking", "budget", "risk", "alerts", "integrity");
    say(document.getElementById("filter-count").textContent);
  };
  const filters = () => {
    const select = (name, label, options) => h("label", null, label, h("select", { name, onchange: (e) => {
      S[name] = e.target.value;
      if (name === "agency" && S.agency !== "") {
        const level = agencyLevel(+S.agency);
        if (LEVELS.includes(level)) S.rankLevel = level;
        const own = [...new Set(D.late_budget.filter((r) => r[1] === +S.agency).map((r) => r[0]))];
        if (own.length && !own.includes(S.budget)) S.budget = own[0];
      }
      filtersChanged();
    } }, h("option", { value: "" }, T("all")), options));
    const chosen = (value, name) => ({ value, selected: S[name] === value });
    return [
      select("field", T("field"), D.fields.map((f) => h("option", chosen(f.id, "field"), `${f.id}. ${fieldName(f.id)}`))),
      select("level", T("filter_level"), LEVELS.map((l) => h("option", chosen(l, "level"), T(l)))),
      select("status", T("status"), STATUSES.map((s) => h("option", chosen(s, "status"), statusWord(s)))),
      select("agency", T("filter_agency"), LEVELS.map((l) => h("optgroup", { label: T(l) }, D.agencies.flatMap((a, i) => (a[2] === l ? [h("option", chosen(String(i), "agency"), a[1])] : []))))),
      h("label", null, T("filter_search"), h("input", { type: "search", name: "q", value: S.q, placeholder: T("filter_search_hint"), autocomplete: "off", oninput: (e) => { S.q = e.target.value; redraw("targets"); say(document.getElementById("filter-count").textContent); } })),
      h("button", { type: "button", id: "reset", onclick: () => { Object.assign(S, { field: "", level: "", status: "", agency: "", q: "" }); filtersChanged(); } }, T("filter_reset")),
      h("span", { cls: "count", id: "filter-count" }),
    ];
  };
  const handledAt = D.sources.map((r) => r[8]).filter(Boolean).sort().pop();
  const renderAll = () => {
    document.documentElement.lang = S.lang ? "en" : "vi";
    document.title = `${T("title")} - ${day(D.as_of)}`;
    document.querySelectorAll("[data-t]").forEach((node) => { node.textContent = T(node.dataset.t); });
    document.querySelectorAll("[data-label]").forEach((node) => { node.setAttribute("aria-label", T(node.dataset.label)); });
    document.getElementById("as-of").textContent = D.as_of ? day(D.as_of) : T("no_data");
    document.getElementById("handled").textContent = handledAt ? moment(handledAt) : T("no_data");
    const lang = document.getElementById("lang");
    lang.textContent = T("language");
    lang.lang = S.lang ? "vi" : "en";
    document.getElementById("estimate").hidden = !D.estimate;
    document.getElementById("nav").replaceChildren(h("ul", null, Object.keys(SECTIONS).map((name) => h("li", null, h("a", { href: `#${name}` }, T(`nav_${name}`))))));
    document.getElementById("filter-form").replaceChildren(...filters());
    redraw(...Object.keys(SECTIONS));
  };
  /* what is open stays in the address, so a link can be sent: #lang=en&t=3.4.1 */
  const address = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  const put = (p) => { try { history.replaceState(null, "", p.toString() ? `#${p}` : location.pathname + location.search); } catch { /* some browsers refuse this for files */ } };
  const keep = (k, v) => { const p = address(); p.set(k, v); put(p); };
  const drop = (k) => { const p = address(); if (p.has(k)) { p.delete(k); put(p); } };

  D.estimate = !D.total || D.total.estimate !== 0;
  S.lang = address().get("lang") === "en" ? 1 : 0;
  if (matchMedia("(max-width: 760px)").matches) document.getElementById("filters").open = false;
  document.getElementById("lang").addEventListener("click", () => {
    S.lang = 1 - S.lang;
    if (S.lang) keep("lang", "en"); else drop("lang");
    renderAll();
  });
  document.getElementById("print").addEventListener("click", () => print());
  document.getElementById("filter-form").addEventListener("submit", (e) => e.preventDefault());
  renderAll();
  const wanted = address().get("t");
  if (wanted) openTarget(wanted);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();

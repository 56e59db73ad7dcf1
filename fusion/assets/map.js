"use strict";
// The page's own script. Data comes from two JSON elements; every string of it becomes a text node, never markup.
(function () {
  const root = document.documentElement;
  const problem = (message) => { root.dataset.problem = (root.dataset.problem || "") + message + "; "; };
  window.addEventListener("error", (event) => problem(event.message));
  document.addEventListener("securitypolicyviolation", (event) => problem("blocked " + event.blockedURI));

  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const COPIES = [0, -360, 360]; // the map repeats sideways, so everything on it is drawn three times
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const SIX = new Uint8Array(128);
  for (let i = 0; i < 64; i++) SIX[ALPHABET.charCodeAt(i)] = i;

  // ---------------------------------------------------------------- small helpers
  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
    node.append(...children); // strings become text nodes
    return node;
  }
  const said = (text, className) => el("bdi", { dir: "auto", class: className || "" }, text);

  const names = typeof Intl !== "undefined" && Intl.DisplayNames ? new Intl.DisplayNames(["en"], { type: "region" }) : null;
  function countryName(code) {
    try { return (names && /^[A-Z]{2}$/.test(code) && names.of(code)) || code; } catch (error) { return code; }
  }
  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  // ---------------------------------------------------------------- outlines
  // Arcs are grid steps, zigzag coded in groups of five bits (see build_map_assets.py). Rings list arcs, ~i backwards.
  function decodeWorld(world) {
    const arcs = world.arcs.map((text) => {
      const line = [];
      let value = 0, shift = 0, x = 0, y = 0, isX = true;
      for (let i = 0; i < text.length; i++) {
        const six = SIX[text.charCodeAt(i)];
        value += (six & 31) << shift;
        if (six & 32) { shift += 5; continue; }
        const step = value & 1 ? -(value + 1) / 2 : value / 2;
        if (isX) x += step; else { y += step; line.push([y * world.step, x * world.step]); }
        isX = !isX; value = 0; shift = 0;
      }
      return line;
    });
    // Longitudes run on past 180 rather than jump; around the south pole the ring is led along the map's lower edge.
    const ring = (indices) => {
      const line = [];
      for (const i of indices) {
        for (const [lat, lon] of i >= 0 ? arcs[i] : arcs[~i].slice().reverse()) {
          const turns = line.length ? Math.round((line[line.length - 1][1] - lon) / 360) : 0;
          line.push([lat, lon + 360 * turns]);
        }
      }
      const first = line[0], last = line[line.length - 1];
      if (Math.abs(last[1] - first[1]) > 180) line.push([-90, last[1]], [-90, first[1]]);
      return line;
    };
    const countries = world.countries.map(([iso, name, lat, lon, area, polygons]) => ({
      iso, name, lat, lon, area, polygons: polygons.map((rings) => rings.map(ring)),
    }));
    return { countries, spots: new Map(Object.entries(world.spots)), cities: world.cities, lines: arcs.filter((arc) => arc.some(([lat]) => lat > -89)) };
  }
  const world = decodeWorld(JSON.parse(byId("world").textContent));

  // ---------------------------------------------------------------- spans of longitude
  const lonsOf = (ring) => {
    let low = Infinity, high = -Infinity, south = 90, north = -90;
    for (const [lat, lon] of ring) {
      if (lon < low) low = lon;
      if (lon > high) high = lon;
      if (lat < south) south = lat;
      if (lat > north) north = lat;
    }
    return { low, high, south, north };
  };
  // The smallest box around rings, across the antimeridian where that is shorter, near the answer's own longitude.
  function boxAround(rings) {
    const spans = rings.map(lonsOf);
    if (!spans.length) return null;
    const turned = spans.map((s) => { const low = ((s.low % 360) + 360) % 360; return [low, low + Math.min(360, s.high - s.low)]; });
    turned.sort((a, b) => a[0] - b[0]);
    let reach = turned[0][1], gap = -1, west = turned[0][0], east = 0;
    for (const [low, high] of turned.slice(1)) {
      if (low - reach > gap) { gap = low - reach; west = low; east = reach; }
      reach = Math.max(reach, high);
    }
    const last = turned[0][0] + 360 - reach;
    if (last >= gap) { west = turned[0][0]; east = reach; } else { east += 360; }
    const south = Math.max(-80, Math.min(...spans.map((s) => s.south)));
    const north = Math.min(83, Math.max(...spans.map((s) => s.north)));
    if (east - west > 200) return wholeWorld();
    const shift = 360 * Math.round((data.point[1] - (west + east) / 2) / 360);
    return L.latLngBounds([south, west + shift], [north, east + shift]);
  }
  const wholeWorld = () => {
    const centre = Math.abs(data.point[1]) > 120 ? data.point[1] : 0; // a far eastern or western answer stays off the edge
    return L.latLngBounds([-58, centre - 180], [76, centre + 180]);
  };
  const shifted = (ring, by) => ring.map(([lat, lon]) => [lat, lon + by]);
  // A ring as a line to stroke: around a pole it stays open, without the seam along the map's edge.
  const outline = (ring) => {
    const open = ring.filter(([lat]) => Math.abs(lat) < 89.999);
    return open.length < ring.length ? open : ring.concat([ring[0]]);
  };

  // ---------------------------------------------------------------- map
  const map = L.map("map", {
    attributionControl: false, scrollWheelZoom: false, zoomSnap: 0.25, zoomDelta: 1, minZoom: 0, maxZoom: 12,
    maxBounds: [[-85.06, -540], [85.06, 540]], maxBoundsViscosity: 1,
  });
  L.control.scale({ imperial: false }).addTo(map);
  // The wheel scrolls the page until the reader has turned to the map.
  map.on("click focus", () => map.scrollWheelZoom.enable());
  map.on("mouseout blur", () => map.scrollWheelZoom.disable());
  const pane = (name, z, passive) => {
    const node = map.createPane(name);
    node.style.zIndex = z;
    if (passive) node.style.pointerEvents = "none";
    return L.canvas({ pane: name, padding: 0.3 });
  };
  const landCanvas = pane("land", 300, true).addTo(map), cellCanvas = pane("cells", 400, false);
  const borderCanvas = pane("borders", 420, true).addTo(map), clueCanvas = pane("clue", 440, true);
  map.getPane("cells").style.opacity = 0.82; // of the pane, not of each cell: cells inside cells must not add up
  map.createPane("names").style.zIndex = 460;
  map.getPane("names").style.pointerEvents = "none";
  map.getPane("names").setAttribute("aria-hidden", "true");

  // Land and borders never change, so each is one path in Mercator units of zoom 0, drawn straight into Leaflet's canvas:
  // as Leaflet shapes, three copies of 64,000 vertices take seconds on a slow machine. Private names of Leaflet 1.9.4.
  function pathOf(lines) {
    const path = new Path2D();
    for (const line of lines) {
      line.forEach(([lat, lon], i) => {
        const sine = Math.sin((Math.max(-85.0511, Math.min(85.0511, lat)) * Math.PI) / 180);
        const x = ((lon + 180) / 360) * 256, y = 128 - (64 / Math.PI) * Math.log((1 + sine) / (1 - sine));
        if (i) path.lineTo(x, y); else path.moveTo(x, y);
      });
    }
    return path;
  }
  const landPath = pathOf(world.countries.flatMap((c) => c.polygons.flat())), borderPath = pathOf(world.lines);
  // Each of `draws` is called for every copy of the world before the next one is.
  function underlay(canvas, ...draws) {
    canvas._draw = () => { // Leaflet has cleared the canvas and set its origin
      const context = canvas._ctx, origin = map.getPixelOrigin(), scale = 2 ** map.getZoom();
      for (const draw of draws) {
        for (const by of COPIES) {
          context.save();
          context.translate((by / 360) * 256 * scale - origin.x, -origin.y);
          context.scale(scale, scale);
          draw(context, scale);
          context.restore();
        }
      }
    };
  }
  underlay(landCanvas, (context) => { context.fillStyle = css("--land"); context.fill(landPath, "evenodd"); });
  // Above the cells: a veil over the sea, without which wide cells hide the coasts, then the borders.
  underlay(borderCanvas, (context) => {
    context.fillStyle = css("--sea");
    context.globalAlpha = 0.6;
    context.fillRect(0, -256, 256, 768);
  }, (context) => {
    context.globalCompositeOperation = "destination-out";
    context.fill(landPath, "evenodd");
  }, (context, scale) => {
    context.strokeStyle = css("--border");
    context.lineWidth = 0.8 / scale;
    context.lineJoin = "round";
    context.stroke(borderPath);
  });

  const cellShapes = [], answerLines = [];
  function cellCard(cell) {
    const where = [];
    if (cell.label) where.push(cell.label);
    const country = countryName(cell.country);
    if (country && !where.includes(country)) where.push(country);
    const card = el("div", { class: "cell-card" }, el("b", {}, cell.p));
    for (const text of where) card.append(el("span", {}, said(text)));
    card.append(el("span", { class: "note" }, "in a cell of " + cell.size));
    return card;
  }
  const popup = L.popup({ maxWidth: 260, autoPanPadding: [20, 20] });
  const showCell = (cell, at) => popup.setLatLng(at).setContent(cellCard(cell)).openOn(map);
  // Large cells first: small ones may lie inside them, and belong to them no more.
  for (const cell of data.cells.slice().sort((a, b) => b.area - a.area)) {
    for (const by of COPIES) {
      const shape = L.polygon(shifted(cell.ring, by), { renderer: cellCanvas, pane: "cells", weight: 0.7, smoothFactor: 0.4 });
      shape.cell = cell;
      shape.bindTooltip(() => cellCard(cell), { sticky: true, direction: "top", offset: [0, -6] });
      shape.on("click", (event) => { shape.closeTooltip(); showCell(cell, event.latlng); });
      cellShapes.push(shape.addTo(map));
    }
  }
  for (const by of COPIES) {
    for (const wide of [true, false]) {
      const line = L.polyline(shifted(outline(data.circle), by), {
        renderer: clueCanvas, pane: "clue", interactive: false, weight: wide ? 5 : 2.2, dashArray: wide ? null : "7 5",
      });
      line.wide = wide;
      answerLines.push(line.addTo(map));
    }
    const spot = L.marker([data.point[0], data.point[1] + by], {
      icon: L.divIcon({ className: "answer-point", iconSize: [16, 16] }), keyboard: by === 0,
      title: "The answer", alt: "The answer's point", zIndexOffset: 1000,
    });
    spot.bindTooltip(() => el("div", {}, "The answer. Half of the probability lies within " + data.radius + "."));
    spot.addTo(map);
  }

  // With fewer classes than colours, the ends of the scale stay its ends.
  const colourOf = (k) => {
    const n = data.classes.length;
    return css("--p" + (n === 1 ? 0 : Math.round((k * 5) / (n - 1))));
  };
  function paint() {
    const colours = data.classes.map((_, k) => colourOf(k));
    const edge = css("--halo");
    landCanvas._redraw();
    borderCanvas._redraw();
    cellShapes.forEach((s) => s.setStyle({ fillColor: colours[s.cell.class], fillOpacity: 1, color: edge, opacity: 0.8 }));
    answerLines.forEach((l) => l.setStyle({ color: css(l.wide ? "--answer-halo" : "--answer"), opacity: l.wide ? 0.75 : 1 }));
    document.querySelectorAll("[data-class]").forEach((s) => { s.style.background = colours[+s.dataset.class]; });
    if (chosen !== null) drawClue(data.clues[chosen]);
  }

  // ---------------------------------------------------------------- names on the map
  const nameMarkers = L.layerGroup().addTo(map);
  const labelled = new Set();
  const countryLabels = world.countries.slice().sort((a, b) => b.area - a.area)
    .filter((c) => !labelled.has(c.iso || c.name) && labelled.add(c.iso || c.name) && c.iso !== "AQ")
    .map((c) => ({ text: c.iso ? countryName(c.iso) : c.name, lat: c.lat, lon: c.lon, area: c.area }));
  function drawNames() {
    nameMarkers.clearLayers();
    const bounds = map.getBounds(), size = map.getSize(), zoom = map.getZoom();
    const taken = [];
    const at = map.latLngToContainerPoint([data.point[0], data.point[1]]);
    taken.push([at.x - 14, at.y - 14, at.x + 14, at.y + 14]);
    const frame = byId("map").getBoundingClientRect(); // no name hides behind a button
    for (const control of document.querySelectorAll(".map-buttons, .leaflet-control")) {
      const r = control.getBoundingClientRect();
      taken.push([r.left - frame.left, r.top - frame.top, r.right - frame.left, r.bottom - frame.top]);
    }
    const hits = (box) => taken.some((t) => t[0] < box[2] && box[0] < t[2] && t[1] < box[3] && box[1] < t[3]);
    const put = (text, lat, lon, kind) => {
      for (const by of COPIES) {
        if (!bounds.contains([lat, lon + by])) continue;
        const p = map.latLngToContainerPoint([lat, lon + by]);
        const w = text.length * (kind === "country" ? 7.2 : 6.2) + 6;
        const box = kind === "country" ? [p.x - w / 2, p.y - 9, p.x + w / 2, p.y + 9] : [p.x - 5, p.y - 8, p.x + w + 6, p.y + 8];
        if (box[0] < 2 || box[2] > size.x - 2 || box[1] < 2 || box[3] > size.y - 2) continue;
        let aside = false;
        if (kind === "city" && Math.abs(p.x - at.x) < 14 && Math.abs(p.y - at.y) < 14) { // beside the answer's own mark
          aside = true;
          box.splice(0, 4, at.x + 14, at.y - 8, at.x + w + 20, at.y + 8);
        }
        if (hits(box)) continue;
        taken.push(box);
        const label = el("span", { class: "map-label " + kind + (aside ? " aside" : "") }, text);
        if (aside) label.style.transform = "translate(" + (at.x + 16 - p.x) + "px, calc(-50% + " + (at.y - p.y) + "px))";
        const icon = L.divIcon({ className: "", html: label, iconSize: [0, 0] });
        L.marker([lat, lon + by], { icon, pane: "names", interactive: false, keyboard: false }).addTo(nameMarkers);
      }
    };
    const pixelsPerDegree = (256 * 2 ** zoom) / 360;
    for (const c of countryLabels) {
      const room = Math.sqrt(c.area) * pixelsPerDegree;
      if (room > c.text.length * 5.5 && room < 2.2 * Math.max(size.x, size.y)) put(c.text, c.lat, c.lon, "country");
    }
    if (zoom < 3.5) return;
    const most = Math.round((size.x * size.y) / 14000);
    let placed = taken.length;
    for (const [name, lat, lon] of world.cities) {
      put(name, lat, lon, "city");
      if (taken.length - placed >= most) break;
    }
  }
  map.on("moveend", drawNames);

  // ---------------------------------------------------------------- views
  function fly(bounds, maxZoom) {
    if (!bounds) return;
    const options = { paddingTopLeft: [24, 52], paddingBottomRight: [24, 24], maxZoom: maxZoom || 8 };
    map.closePopup();
    if (still.matches) map.fitBounds(bounds, { ...options, animate: false });
    else map.flyToBounds(bounds, { ...options, duration: 0.8 });
  }
  // The circle, which holds half of the probability; a far tail is a click on "World" away.
  const answerView = () => boxAround([data.circle]);
  const CONTEXT_ZOOM = 5.5; // a sharp answer opens with the country around it; "Answer" goes nearer

  // ---------------------------------------------------------------- clues
  const clueLayer = L.layerGroup().addTo(map);
  const shapesOf = (code) => world.countries.filter((c) => c.iso === code);
  function drawClue(clue) {
    clueLayer.clearLayers();
    const colour = css("--clue"), options = { renderer: clueCanvas, pane: "clue", interactive: false };
    for (const by of COPIES) {
      for (const code of clue.countries) {
        for (const c of shapesOf(code)) {
          L.polygon(c.polygons.map((rings) => rings.map((r) => shifted(r, by))),
            { ...options, color: colour, weight: 2, fillColor: colour, fillOpacity: 0.14 }).addTo(clueLayer);
        }
        const spot = shapesOf(code).length ? null : world.spots.get(code);
        if (spot) L.circleMarker([spot[0], spot[1] + by], { ...options, color: colour, weight: 3, radius: 8, fillOpacity: 0.2 }).addTo(clueLayer);
      }
      for (const point of clue.points) {
        L.circleMarker([point.at[0], point.at[1] + by], { ...options, color: colour, weight: 3, radius: 6, fillOpacity: 0.6 }).addTo(clueLayer);
        if (point.ring) {
          L.polyline(shifted(outline(point.ring), by), { ...options, color: colour, weight: 2, dashArray: "4 4" }).addTo(clueLayer);
        }
      }
    }
  }
  function clueView(clue) {
    const rings = clue.points.map((p) => p.ring || [p.at]);
    for (const code of rings.length ? [] : clue.countries) {
      const parts = shapesOf(code).flatMap((c) => c.polygons.map((polygon) => polygon[0]));
      // Far islands do not decide the view: the first ring is the largest.
      const size = (ring) => { const s = lonsOf(ring); return (s.high - s.low) * (s.north - s.south); };
      const largest = parts.length ? Math.max(...parts.map(size)) : 0;
      rings.push(...parts.filter((ring) => size(ring) >= 0.15 * largest));
      if (!parts.length && world.spots.get(code)) rings.push([world.spots.get(code)]);
    }
    return boxAround(rings);
  }
  function pointsTo(clue) {
    const where = clue.countries.slice(0, 6).map(countryName);
    if (clue.countries.length > 6) where.push((clue.countries.length - 6) + " more countries");
    if (clue.points.length) where.push(clue.points.length === 1 ? "1 place" : clue.points.length + " places");
    if (clue.more_points) where.push(clue.more_points + " more that are not drawn");
    return where.length ? where.join(", ") : "no place in particular";
  }

  let chosen = null;
  const tags = data.clues.map(() => []); // per clue: everything that lights up with it
  function choose(index, from) {
    chosen = index;
    tags.forEach((nodes, i) => nodes.forEach((node) => {
      node.classList.toggle("on", i === index);
      if (node.hasAttribute("aria-pressed")) node.setAttribute("aria-pressed", String(i === index));
    }));
    const panel = byId("chosen");
    panel.replaceChildren();
    panel.classList.toggle("on", index !== null);
    if (index === null) {
      clueLayer.clearLayers();
      panel.append(el("p", { class: "note" }, data.clues.length
        ? "Choose a numbered clue, in the photo or in the ledger, to see where it points."
        : data.no_clue));
      return;
    }
    const clue = data.clues[index];
    drawClue(clue);
    fly(clueView(clue));
    const back = el("button", { type: "button" }, "Back to the answer");
    back.addEventListener("click", () => {
      choose(null);
      fly(answerView(), CONTEXT_ZOOM);
      tags[index].find((node) => node.tagName === "BUTTON").focus({ preventScroll: true }); // this button is gone
    });
    panel.append(
      el("p", {}, el("span", { class: "kind" }, (index + 1) + " · ", said(clue.kind)), said(clue.text, "read")),
      el("p", {}, said(clue.meaning, "clip")),
      el("p", { class: "note" }, "On the map: " + pointsTo(clue) + (clue.box ? "" : ". It has no box in the photo") + "."),
      el("div", { class: "actions" }, back));
    if (from === "ledger") byId("where").scrollIntoView({ block: "nearest", behavior: still.matches ? "auto" : "smooth" });
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && chosen !== null) { choose(null); fly(answerView(), CONTEXT_ZOOM); } });

  function tag(index, from) {
    const clue = data.clues[index];
    const label = "Clue " + (index + 1) + ", " + clue.kind + ": " + clue.text.slice(0, 80);
    const button = el("button", { type: "button", class: "tag", "aria-pressed": "false", "aria-label": label }, String(index + 1));
    button.addEventListener("click", (event) => { event.stopPropagation(); choose(chosen === index ? null : index, from); });
    tags[index].push(button);
    return button;
  }

  // ---------------------------------------------------------------- photo
  function showPhoto() {
    const [width, height] = data.photo, frame = byId("photo-frame"), picture = byId("picture");
    byId("photo").hidden = false;
    byId("stage").classList.add("with-photo");
    const boxed = data.clues.filter((clue) => clue.box).length;
    picture.alt = "The photo" + (boxed ? ", with " + boxed + " numbered clue" + (boxed > 1 ? "s" : "") + " marked in it" : "");
    picture.width = width;
    picture.height = height;
    const svgTag = (name, attributes) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      return node;
    };
    const svg = svgTag("svg", { viewBox: "0 0 " + width + " " + height, "aria-hidden": "true" });
    const buttons = [];
    data.clues.forEach((clue, index) => {
      if (!clue.box) return;
      const points = clue.box.map((corner) => corner.join(",")).join(" ");
      const box = svgTag("polygon", { points, class: "box" });
      svg.append(svgTag("polygon", { points, class: "halo" }), box);
      box.addEventListener("click", () => choose(chosen === index ? null : index, "photo"));
      tags[index].push(box);
      buttons.push([tag(index, "photo"), Math.min(...clue.box.map((c) => c[0])), Math.min(...clue.box.map((c) => c[1]))]);
    });
    frame.append(svg, ...buttons.map(([button]) => button));
    // Tags stand at their box's upper left corner, and step aside where several boxes share it.
    const place = () => {
      const sx = frame.clientWidth / width, sy = frame.clientHeight / height, put = [];
      for (const [button, x, y] of buttons) {
        const w = button.offsetWidth, h = button.offsetHeight;
        const top = Math.max(0, Math.min(frame.clientHeight - h, y * sy - h + 4));
        const free = (l, t) => put.every((q) => l >= q[0] + q[2] || q[0] >= l + w || t >= q[1] + h || q[1] >= t + h);
        const left = Math.max(0, Math.min(frame.clientWidth - w, x * sx - 4));
        let best = [left, top];
        search: for (let down = 0; down < 12; down++) {
          for (let step = 0; step < 40; step++) {
            const l = left + step * 6, t = top + down * 8;
            if (l <= frame.clientWidth - w && t <= frame.clientHeight - h && free(l, t)) { best = [l, t]; break search; }
          }
        }
        put.push([best[0], best[1], w]);
        button.style.left = best[0] + "px";
        button.style.top = best[1] + "px";
      }
    };
    new ResizeObserver(place).observe(frame);
    byId("photo-note").textContent = (data.covered
      ? "Grey patches cover text that looks like a plate, a phone number or an e-mail address. " : "")
      + "The picture is a copy at no more than 1,280 pixels a side, without metadata.";
  }

  // ---------------------------------------------------------------- ledger, cells, readings
  function movedCell(row) {
    const cell = el("td", { class: "moved" });
    if (!row) { cell.append("Not in the ledger."); return cell; }
    cell.append(said(countryName(row.after)), ": " + row.p_before + " → " + row.p_after + ", " + row.odds);
    const bar = el("div", { class: "bar", "aria-hidden": "true" }), fill = el("i"), mark = el("u");
    fill.style.left = 100 * Math.min(row.share_before, row.share_after) + "%";
    fill.style.width = 100 * Math.abs(row.share_after - row.share_before) + "%";
    mark.style.left = "calc(" + 100 * row.share_after + "% - 1px)";
    bar.append(fill, mark);
    cell.append(bar);
    if (row.before !== row.after) cell.append(el("div", { class: "note" }, "Without it, ", said(countryName(row.before)), " would come first."));
    if (row.note) cell.append(el("div", { class: "note" }, said(row.note, "clip")));
    return cell;
  }
  function showSteps() {
    byId("steps").hidden = !data.steps.length;
    byId("steps").append(...data.steps.map(([name, told]) =>
      el("li", {}, el("span", { class: "kind" }, name), " ", said(told, "clip"))));
  }
  function showLedger() {
    if (!data.clues.length) {
      byId("ledger-note").textContent = data.no_clue;
      return;
    }
    byId("ledger-note").textContent = "Each row compares the answer with the clue to the answer that all other clues give without it. The bar runs from 0 to 100 %; its dark mark is the probability with the clue.";
    const body = el("tbody");
    const without = data.clues.map((_, i) => i).filter((i) => !data.ledger.some((row) => row.clue === i));
    for (const row of [...data.ledger, ...without.map((clue) => ({ clue, none: true }))]) {
      const clue = data.clues[row.clue];
      const line = el("tr", {},
        el("td", {}, tag(row.clue, "ledger")),
        el("td", {}, el("div", { class: "kind" }, said(clue.kind)), el("div", { class: "clip" }, said(clue.text, "read"))),
        el("td", {}, el("div", { class: "clip" }, said(clue.meaning)), el("div", { class: "note clip" }, "Points to " + pointsTo(clue))),
        movedCell(row.none ? null : row));
      line.addEventListener("click", () => choose(chosen === row.clue ? null : row.clue, "ledger"));
      tags[row.clue].push(line);
      body.append(line);
    }
    const head = ["", "Clue", "What it says", "What it moved"].map((text) => el("th", { scope: "col" }, text || el("span", { "aria-label": "Number" })));
    byId("ledger").append(el("table", {}, el("thead", {}, el("tr", {}, ...head)), body));
  }
  function showCells() {
    for (const cell of data.cells.slice(0, 9)) {
      const country = countryName(cell.country);
      const name = cell.label && cell.label !== country ? cell.label + (country ? ", " + country : "") : country || "no country";
      const swatch = el("span", { class: "swatch", "data-class": String(cell.class) });
      const button = el("button", { type: "button" }, swatch, el("span", { class: "p" }, cell.p), el("span", { class: "name" }, said(name), el("span", { class: "size" }, cell.size)));
      button.addEventListener("click", () => {
        const bounds = boxAround([cell.ring]);
        fly(bounds.pad(1.5), 9);
        showCell(cell, bounds.getCenter());
        byId("where").scrollIntoView({ block: "nearest", behavior: still.matches ? "auto" : "smooth" });
      });
      byId("likeliest").append(el("li", {}, button));
    }
    if (!data.cells.length) byId("likeliest").append(el("li", { class: "note" }, "No cell is drawn."));
    byId("legend").append(el("span", {}, "Probability in " + data.unit + ":"), ...data.classes.map((text, k) =>
      el("span", {}, el("span", { class: "swatch", "data-class": String(k) }), text)),
      el("span", {}, el("span", { class: "swatch dot" }), "the answer"),
      el("span", {}, el("span", { class: "swatch ring" }), "half of the probability: within " + data.radius));
    byId("cells-note").textContent = data.note;
  }
  function showReadings() {
    byId("all-text").querySelector("summary").textContent = "All text read in the photo (" + (data.readings.length + data.more_readings) + ")";
    byId("readings").append(...data.readings.map((text) => el("li", {}, said(text))));
    if (data.more_readings) byId("readings").append(el("li", {}, "… and " + data.more_readings + " more"));
    byId("all-text").hidden = !data.readings.length;
  }

  if (data.photo) showPhoto();
  showSteps();
  showLedger();
  showCells();
  showReadings();
  choose(null);
  byId("to-answer").addEventListener("click", () => { choose(null); fly(answerView(), 10); });
  byId("to-world").addEventListener("click", () => fly(wholeWorld(), 3));
  map.fitBounds(answerView(), { padding: [24, 24], maxZoom: CONTEXT_ZOOM, animate: false });
  paint();
  dark.addEventListener("change", paint);
  new ResizeObserver(() => map.invalidateSize({ pan: false })).observe(byId("map"));
  root.dataset.state = "ready";
})();

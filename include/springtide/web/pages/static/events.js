// The pages of events: lights that are looked at one after the other, the form with its live estimate, approvals ahead.
"use strict";
(function () {
  const { call } = window.springtide;
  const MARKS = { green: "✓", amber: "!", red: "✗", unknown: "?" };
  const DEBOUNCE = 450;
  const AT_ONCE = 2; // looks at a time: each asks the cluster

  function lamp(light, words) {
    const made = document.createElement("span");
    made.className = `light ${MARKS[light] ? light : "unknown"}`;
    const mark = document.createElement("span");
    mark.setAttribute("aria-hidden", "true");
    mark.textContent = MARKS[light] || "?";
    made.append(mark, ` ${words || light}`);
    return made;
  }

  function toLight(place, card) {
    const left = card.checks.filter((check) => check.light !== "green").length;
    const words = card.light === "green" ? "ready" : left === 1 ? "1 to look at" : `${left} to look at`;
    place.replaceChildren(lamp(card.light, words));
    const worst = card.checks.find((check) => check.light === card.light) || card.checks[0];
    place.title = worst ? worst.sentence : "";
  }

  async function look(places) {
    for (let place = places.shift(); place; place = places.shift()) {
      try {
        toLight(place, await call("GET", `/api/v1/events/${encodeURIComponent(place.dataset.check)}/check`));
      } catch (error) {
        place.title = error.message;
      }
    }
  }

  function lookAtAll() {
    const places = [...document.querySelectorAll("[data-check]")].slice(0, 20);
    for (let worker = 0; worker < AT_ONCE; worker += 1) {
      look(places);
    }
  }

  // Adding an event

  const form = document.querySelector("form[data-event]");

  function instant(name) {
    const value = form.elements.namedItem(name).value;
    return value ? new Date(value) : null;
  }

  function asked() {
    const services = {};
    for (const line of form.querySelectorAll("[data-ask]")) {
      const service = line.querySelector("[data-service]").value;
      const wanted = line.querySelector("[data-wanted]").value.trim();
      if (service && wanted) {
        services[service] = /^[0-9]+$/.test(wanted) ? { replicas: Number(wanted) } : { multiply: wanted };
      }
    }
    const start = instant("start");
    const end = instant("end");
    const text = (name) => form.elements.namedItem(name).value.trim();
    return {
      name: text("name"),
      start: start ? start.toISOString() : null,
      end: end ? end.toISOString() : null,
      services,
      lead: text("lead") || "auto",
      priority: Number(text("priority") || 50),
      reason: text("reason"),
    };
  }

  function element(kind, className, words) {
    const made = document.createElement(kind);
    if (className) {
      made.className = className;
    }
    if (words) {
      made.append(words);
    }
    return made;
  }

  function shown(card) {
    const parts = [];
    const verdict = element("p", "verdict");
    verdict.append(lamp(card.light, " "), card.headline || card.light);
    parts.push(verdict);
    const facts = element("dl", "facts");
    const fact = (name, value) => facts.append(element("dt", "", name), element("dd", "", value));
    const event = card.event || {};
    if (event.prepared_at) {
      fact("prepared from", new Date(event.prepared_at).toLocaleString());
    }
    const cost = card.cost || {};
    if (cost.pods !== null && cost.pods !== undefined) {
      const more = cost.beyond === null || cost.beyond === undefined ? "" : `, ${cost.beyond} more than without it`;
      fact("pods", `${cost.pods}${more}`);
      fact("pod-hours", `${cost.pod_hours}${cost.money === null || cost.money === undefined ? "" : `, costs ${cost.money}`}`);
    }
    parts.push(facts);
    const list = element("ul", "");
    const order = ["red", "unknown", "amber", "green"];
    const checks = [...card.checks].sort((one, other) => order.indexOf(one.light) - order.indexOf(other.light));
    for (const check of checks.slice(0, 12)) {
      const line = element("li", "");
      line.append(lamp(check.light, check.name), ` ${check.service ? `${check.service}: ` : ""}${check.sentence}`);
      if (check.to_do) {
        line.append(element("span", "quiet", ` ${check.to_do}`));
      }
      list.append(line);
    }
    parts.push(list);
    return parts;
  }

  let waiting = 0;
  let latest = 0;

  function estimateSoon() {
    window.clearTimeout(waiting);
    waiting = window.setTimeout(estimate, DEBOUNCE);
  }

  async function estimate() {
    const place = form.querySelector("[data-estimate]");
    const event = asked();
    if (!event.start || !event.end || !Object.keys(event.services).length) {
      return;
    }
    latest += 1;
    const mine = latest;
    place.setAttribute("aria-busy", "true");
    let parts;
    try {
      parts = shown(await call("POST", "/api/v1/events/estimate", { ...event, name: event.name || "as-typed" }));
    } catch (error) {
      parts = [element("p", "bad-text", error.message)];
    }
    if (mine === latest) {
      place.replaceChildren(...parts);
      place.removeAttribute("aria-busy");
    }
  }

  function inUtc() {
    const times = ["start", "end"].map(instant).filter((time) => time && !Number.isNaN(time.getTime()));
    const words = times.map((time) => time.toISOString().slice(0, 16).replace("T", " "));
    form.querySelector("[data-utc]").textContent = words.length ? `In UTC: ${words.join(" to ")}.` : "";
  }

  function zone() {
    const minutes = -new Date().getTimezoneOffset();
    const sign = minutes < 0 ? "−" : "+";
    const offset = `${sign}${String(Math.floor(Math.abs(minutes) / 60)).padStart(2, "0")}:${String(Math.abs(minutes) % 60).padStart(2, "0")}`;
    return `${Intl.DateTimeFormat().resolvedOptions().timeZone || "that of this browser"} (UTC${offset} now)`;
  }

  function local(date) {
    return new Date(date.getTime() - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  }

  function say(where, message, tone) {
    const place = where.querySelector("[data-said]");
    place.className = `said ${tone}`;
    place.replaceChildren(message);
  }

  function sent(where, record) {
    const said = element("span", "", where.dataset.done);
    if (record.link) {
      const run = element("a", "", " See its run.");
      run.href = record.link;
      run.dataset.airflow = "";
      said.append(run);
    }
    for (const words of record.told || []) {
      said.append(element("br", ""), words);
    }
    const reload = element("a", "", " Show it here.");
    reload.href = window.location.href;
    said.append(reload);
    say(where, said, "good");
    document.dispatchEvent(new CustomEvent("springtide:done", { detail: { form: where, record } }));
  }

  async function send(where, method, path, body) {
    const button = where.querySelector("button[type=submit]");
    button.disabled = true;
    say(where, "Asking…", "muted");
    try {
      sent(where, await call(method, path, body));
    } catch (error) {
      say(where, error.message, "bad");
      button.disabled = false;
    }
  }

  function startForm() {
    form.querySelector("[data-zone]").textContent = zone();
    form.addEventListener("input", function () {
      inUtc();
      estimateSoon();
    });
    form.addEventListener("click", function (event) {
      const lines = form.querySelectorAll("[data-ask]");
      if (event.target.closest("[data-more]")) {
        const line = lines[0].cloneNode(true);
        lines[lines.length - 1].after(line);
        line.querySelector("select").focus();
        estimateSoon();
      }
      if (event.target.closest("[data-less]") && lines.length > 1) {
        event.target.closest("[data-ask]").remove();
        estimateSoon();
      }
    });
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      send(form, "POST", "/api/v1/events", asked());
    });
    document.getElementById("add").addEventListener("springtide:opened", function () {
      const start = new Date(Math.ceil((Date.now() + 7200000) / 3600000) * 3600000);
      form.elements.namedItem("start").value = local(start);
      form.elements.namedItem("end").value = local(new Date(start.getTime() + 7200000));
      inUtc();
      estimateSoon();
    });
  }

  // Approving ahead

  function startApproval(approval) {
    const dialog = document.getElementById("approve");
    dialog.addEventListener("springtide:opened", function (opened) {
      const services = (opened.detail.dataset.services || "").split(" ").filter(Boolean);
      const select = approval.elements.namedItem("service");
      select.replaceChildren(...services.map((service) => element("option", "", service)));
      approval.elements.namedItem("until").value = local(new Date(opened.detail.dataset.ends));
      bound();
    });
    function bound() {
      const takesBack = approval.elements.namedItem("take_back").checked;
      approval.elements.namedItem("up_to").disabled = takesBack;
    }
    approval.addEventListener("change", bound);
    approval.addEventListener("submit", function (event) {
      event.preventDefault();
      const field = (name) => approval.elements.namedItem(name);
      const body = {
        service: field("service").value,
        up_to: field("take_back").checked ? null : Number(field("up_to").value),
        until: new Date(field("until").value).toISOString(),
        reason: field("reason").value,
        take_back: field("take_back").checked,
      };
      send(approval, "POST", `/api/v1/events/${encodeURIComponent(field("name").value)}/approve`, body);
    });
  }

  // Rehearsing and cancelling

  function values(where) {
    const found = {};
    for (const field of where.elements) {
      if (field.name && field.name !== "name") {
        found[field.name] = field.type === "checkbox" ? field.checked : field.type === "number" ? Number(field.value) : field.value;
      }
    }
    return found;
  }

  for (const where of document.querySelectorAll("form[data-sends]")) {
    where.addEventListener("submit", function (event) {
      event.preventDefault();
      const [method, last] = where.dataset.sends.split(" ");
      const path = `/api/v1/events/${encodeURIComponent(where.elements.namedItem("name").value)}`;
      send(where, method, last ? `${path}/${last}` : path, method === "DELETE" ? undefined : values(where));
    });
  }

  lookAtAll();
  if (form) {
    startForm();
  }
  const approval = document.querySelector("form[data-approve]");
  if (approval) {
    startApproval(approval);
  }
})();

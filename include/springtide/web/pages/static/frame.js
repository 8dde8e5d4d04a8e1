// What every page can do: dialogs, a filter, calls of springtide's own REST, links into Airflow around the page.
//
//   <button data-opens="ID">                opens <dialog id="ID">; data-set-NAME="VALUE" fills its field NAME
//   <button data-closes>                    closes the dialog around it
//   <form data-call="POST /api/v1/PATH">    sends its fields as JSON; {NAME} in the path is filled by a field
//   <input data-filters="ID">               hides the rows of <table id="ID"> that do not hold every word
//   <a data-airflow href="/dags/…">         leaves the frame of Airflow's page around this one
//   class="framed", class="unframed"        is shown only in a frame, or only without one
"use strict";
(function () {
  const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content || "";
  const ROOT = meta("springtide-root");

  // A frame of Airflow's may open no window, and other origins refuse to be framed: there an address is text to copy.
  document.documentElement.classList.toggle("is-framed", window.parent !== window);

  // The token of a page lasts for minutes, the login behind it for a day: the page's own address has another one.
  async function renewed() {
    const options = { credentials: "same-origin", headers: { Accept: "text/html" }, signal: AbortSignal.timeout(30000) };
    const answer = await fetch(window.location.href, options);
    const page = new DOMParser().parseFromString(answer.ok ? await answer.text() : "", "text/html");
    const anew = page.querySelector('meta[name="springtide-token"]');
    if (anew) {
      document.querySelector('meta[name="springtide-token"]').content = anew.content;
    }
    return Boolean(anew);
  }

  async function sent(address, options) {
    const authorized = () => {
      const token = meta("springtide-token");
      return token ? { ...options.headers, Authorization: `Bearer ${token}` } : options.headers;
    };
    const once = () => fetch(address, { ...options, headers: authorized(), signal: AbortSignal.timeout(30000) });
    const answer = await once();
    return answer.status === 401 && (await renewed()) ? once() : answer;
  }

  async function call(method, path, body) {
    const headers = { Accept: "application/json" };
    const options = { method, headers, credentials: "same-origin" };
    if (method !== "GET") {
      headers["Idempotency-Key"] = crypto.randomUUID ? crypto.randomUUID() : String(Math.random()).slice(2) + Date.now();
    }
    if (body !== undefined && Object.keys(body).length) {
      headers["Content-Type"] = "application/json";
      options.body = JSON.stringify(body);
    }
    let answer;
    try {
      answer = await sent(ROOT + path, options);
    } catch (error) {
      throw new Error("There was no answer within 30 seconds. What was asked may have been done: reload this page.");
    }
    const text = await answer.text();
    let record = {};
    try {
      record = text ? JSON.parse(text) : {};
    } catch (error) {
      record = {};
    }
    if (!answer.ok) {
      throw new Error(sentence(answer.status, record));
    }
    return record;
  }

  function sentence(status, problem) {
    if (status === 401) {
      return "Nothing was done: your login to Airflow is over. Log in to it, and come back to this page.";
    }
    const said = problem.detail || problem.title || `The server answered ${status}.`;
    return problem.code ? `${said} (${problem.code})` : String(said);
  }

  function fields(form) {
    const values = {};
    for (const field of form.elements) {
      if (!field.name || field.disabled || (field.type === "radio" && !field.checked)) {
        continue;
      }
      if (field.type === "checkbox") {
        values[field.name] = field.checked;
      } else if (field.type === "number" || field.type === "range") {
        values[field.name] = field.value === "" ? null : Number(field.value);
      } else if (field.type === "datetime-local") {
        values[field.name] = field.value === "" ? null : new Date(field.value).toISOString();
      } else if (field.value !== "" || field.required) {
        values[field.name] = field.value;
      }
    }
    return values;
  }

  function filled(path, values) {
    return path.replace(/\{(\w+)\}/g, function (_whole, name) {
      const value = values[name];
      delete values[name];
      return encodeURIComponent(value);
    });
  }

  function say(form, message, tone) {
    const place = form.querySelector("[data-said]");
    if (!place) {
      return;
    }
    place.replaceChildren();
    place.className = `said ${tone}`;
    place.append(message);
  }

  function done(form, record) {
    const said = document.createElement("span");
    said.append(form.dataset.done || "Done.");
    const run = record.dag_run_id || record.run_id;
    if (run) {
      const link = document.createElement("a");
      const isScaling = !record.dag_id || record.dag_id === "scale_service";
      link.href = isScaling || !record.link ? `${ROOT}/pages/runs/${encodeURIComponent(run)}` : record.link;
      link.toggleAttribute("data-airflow", !isScaling);
      link.append("Watch its run.");
      said.append(" ", link);
    }
    say(form, said, "good");
    document.dispatchEvent(new CustomEvent("springtide:done", { detail: { form, record } }));
  }

  async function submitted(event) {
    const form = event.target.closest("form[data-call]");
    if (!form) {
      return;
    }
    event.preventDefault();
    const button = event.submitter || form.querySelector("button[type=submit]");
    const values = fields(form);
    const [method, path] = form.dataset.call.split(" ");
    const where = filled(path, values);
    button.disabled = true;
    say(form, "Asking…", "muted");
    try {
      done(form, await call(method, where, values));
    } catch (error) {
      say(form, error.message, "bad");
      button.disabled = false;
    }
  }

  function opened(button) {
    const dialog = document.getElementById(button.dataset.opens);
    for (const form of dialog.querySelectorAll("form")) {
      form.reset();
      say(form, "", "muted");
      for (const submit of form.querySelectorAll("button[type=submit]")) {
        submit.disabled = false;
      }
      for (const [key, value] of Object.entries(button.dataset)) {
        if (key.startsWith("set")) {
          set(form, key.slice(3).toLowerCase(), value);
        }
      }
    }
    dialog.showModal();
    dialog.dispatchEvent(new CustomEvent("springtide:opened", { detail: button }));
  }

  function set(form, name, value) {
    const field = form.elements.namedItem(name);
    if (field) {
      field.value = value;
    }
    for (const shown of form.closest("dialog").querySelectorAll(`[data-shows="${name}"]`)) {
      shown.textContent = value;
    }
  }

  function filter(input) {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const table = document.getElementById(input.dataset.filters);
    let shown = 0;
    for (const row of table.querySelectorAll("tbody > tr")) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    const told = document.querySelector(`[data-filtered="${table.id}"]`);
    if (told) {
      told.textContent = words.length ? `${shown} match` : "";
    }
  }

  // The frame may not navigate its top; Airflow's own router follows the address that is put beside it.
  function leave(event, link) {
    if (window.parent === window || event.metaKey || event.ctrlKey) {
      return;
    }
    try {
      window.parent.history.pushState({}, "", link.href);
      window.parent.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
      event.preventDefault();
    } catch (error) {
      // Another origin around this page: the link is followed as any other.
    }
  }

  document.addEventListener("click", function (event) {
    const opener = event.target.closest("[data-opens]");
    if (opener) {
      opened(opener);
    }
    const closer = event.target.closest("[data-closes]");
    if (closer) {
      closer.closest("dialog").close();
    }
    const link = event.target.closest("a[data-airflow]");
    if (link) {
      leave(event, link);
    }
  });
  document.addEventListener("submit", submitted);
  document.addEventListener("input", function (event) {
    if (event.target.matches("[data-filters]")) {
      filter(event.target);
    }
  });

  window.springtide = { call, root: ROOT };
})();

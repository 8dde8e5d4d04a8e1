// The actions of a service: a plan that is shown where it was asked for, and what one run may do to its number.
"use strict";
(function () {
  const element = (name, text, tone) => {
    const made = document.createElement(name);
    if (text !== undefined) {
      made.textContent = text;
    }
    if (tone) {
      made.className = tone;
    }
    return made;
  };

  function table(columns, rows, caption) {
    const made = element("table", undefined, "cards");
    made.append(element("caption", caption));
    const head = element("tr");
    columns.forEach((name) => head.append(Object.assign(element("th", name), { scope: "col" })));
    made.append(element("thead"));
    made.tHead.append(head);
    const body = element("tbody");
    for (const row of rows) {
      const line = element("tr");
      row.forEach((cell, index) => {
        const place = element("td");
        place.dataset.label = columns[index];
        place.append(element("span", cell, "cell break"));
        line.append(place);
      });
      body.append(line);
    }
    made.append(body);
    return made;
  }

  function shown(plan) {
    const parts = [];
    const same = plan.outcome === "nothing_to_do";
    const head = element("p", undefined, "headline");
    head.append(element("strong", same ? `${plan.current}: nothing to do` : `${plan.current} → ${plan.replicas}`));
    head.append(` ${plan.reason}`);
    parts.push(head);
    const refused = plan.findings.filter((finding) => finding.status === "refused");
    if (refused.length) {
      const told = element("div", undefined, "banner bad");
      told.append(element("strong", "A run would be refused. "));
      told.append(refused.map((finding) => finding.message).join("; "));
      parts.push(told);
    }
    if (plan.estimate.answers.length) {
      const rows = plan.estimate.answers.map((each) => [each.model, String(Math.round(each.replicas * 100) / 100), each.reason]);
      parts.push(table(["model", "pods", "why"], rows, "What each model answers"));
    }
    const guards = plan.guards.map((each) => [each.guard, each.setting, each.allows, each.effect]);
    parts.push(table(["guard", "setting", "allows", "effect"], guards, "What each guard did"));
    if (plan.findings.length) {
      const rows = plan.findings.map((each) => [each.check, each.status.replace("_", " "), each.message]);
      parts.push(table(["preflight", "", "what it found"], rows, "What stands in the way"));
    }
    return parts;
  }

  async function plan(service, place) {
    place.replaceChildren(element("p", "Planning…", "quiet"));
    try {
      const record = await window.springtide.call("GET", `/api/v1/services/${encodeURIComponent(service)}/plan`);
      place.replaceChildren(...shown(record));
    } catch (error) {
      place.replaceChildren(element("div", error.message, "banner bad"));
    }
  }

  // What one run may go to; beyond it a number is refused, so the slider ends there.
  function limits(form, data) {
    const isKnown = data.setLeast !== "" && data.setMost !== "";
    const least = isKnown ? data.setLeast : data.setMinimum;
    const most = isKnown ? data.setMost : data.setMaximum;
    for (const field of [form.elements.namedItem("pods"), form.querySelector("[data-slides]")]) {
      field.min = least;
      field.max = most;
      field.value = isKnown ? data.setNow : least;
    }
    const told = isKnown ? `${least} to ${most}` : "nobody knows how many run now; the run will look";
    form.querySelector("[data-limits]").textContent = told;
  }

  document.addEventListener(
    "springtide:opened",
    function (event) {
      const dialog = event.target;
      const data = event.detail.dataset;
      const place = dialog.querySelector("[data-plan]");
      if (place) {
        plan(data.setService, place);
      }
      const form = dialog.querySelector("form.scale");
      if (form) {
        limits(form, data);
      }
    },
    true,
  );

  document.addEventListener("input", function (event) {
    const form = event.target.closest("form.scale");
    if (!form) {
      return;
    }
    const pods = form.elements.namedItem("pods");
    const slider = form.querySelector("[data-slides]");
    if (event.target === slider) {
      pods.value = slider.value;
    } else if (event.target === pods) {
      slider.value = pods.value;
    }
  });

  document.addEventListener("DOMContentLoaded", function () {
    for (const place of document.querySelectorAll("[data-plan-of]")) {
      plan(place.dataset.planOf, place);
    }
  });
})();

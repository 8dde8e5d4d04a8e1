// A run that goes on: the page is asked for anew every two seconds, and only those of its sections that are another
// are put in the place of the old ones. What somebody has opened stays open, and nothing jumps.
"use strict";
(function () {
  const EVERY = 2000;
  const SECTIONS = ["run-head", "run-now", "run-phases", "run-asked", "run-smoke", "run-plan", "run-writes"];
  let failures = 0;

  function isLive(place) {
    return place && place.dataset.live === "yes";
  }

  async function fetched() {
    const options = { credentials: "same-origin", signal: AbortSignal.timeout(15000), headers: { Accept: "text/html" } };
    const answer = await fetch(window.location.href, options);
    if (answer.status === 401) {
      throw new Error("Your login to Airflow is over: log in to it, and come back to this page.");
    }
    if (!answer.ok) {
      throw new Error(`The server answered ${answer.status}.`);
    }
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  function keepOpen(before, after) {
    for (const details of after.querySelectorAll("details[id]")) {
      const old = before.querySelector(`#${details.id}`);
      if (old) {
        details.open = old.open;
      }
    }
  }

  function put(id, page) {
    const before = document.getElementById(id);
    const after = page.getElementById(id);
    if (!before || !after) {
      return Boolean(before) === Boolean(after);
    }
    keepOpen(before, after);
    if (before.outerHTML !== after.outerHTML && !before.contains(document.activeElement)) {
      before.replaceWith(after);
    } else if (before.outerHTML !== after.outerHTML && !before.querySelector("dialog[open]")) {
      const label = document.activeElement.textContent;
      before.replaceWith(after);
      const again = [...after.querySelectorAll("button, a, summary")].find((each) => each.textContent === label);
      (again || document.getElementById("content")).focus({ preventScroll: true });
    }
    return true;
  }

  function putChart(page) {
    const before = document.getElementById("run-figure");
    const after = page.getElementById("run-figure");
    if (Boolean(before) !== Boolean(after)) {
      return false;
    }
    if (before && before.textContent !== after.textContent) {
      before.textContent = after.textContent;
      window.springtideCharts?.draw(document.getElementById("run-chart"));
    }
    return true;
  }

  function putTime(page) {
    for (const selector of [".as-of", 'meta[name="springtide-token"]']) {
      const before = document.querySelector(selector);
      const after = page.querySelector(selector);
      if (before && after) {
        before.replaceWith(after);
      }
    }
  }

  async function refresh() {
    const place = document.getElementById("run");
    if (!isLive(place) || document.hidden) {
      return;
    }
    const page = await fetched();
    const anew = page.getElementById("run");
    // Where a part has come or gone, the whole is another page: no dialog is open, or it would be lost.
    const isSame = SECTIONS.map((id) => put(id, page)).every(Boolean) && putChart(page);
    putTime(page);
    if (!isSame && anew && !document.querySelector("dialog[open]")) {
      place.replaceWith(anew);
      const chart = document.getElementById("run-chart");
      if (chart) {
        window.springtideCharts?.draw(chart);
      }
      if (!document.getElementById("abort") && page.getElementById("abort")) {
        document.body.append(page.getElementById("abort"));
      }
    } else if (isSame && anew) {
      place.dataset.live = anew.dataset.live;
    }
  }

  function said(message) {
    let place = document.getElementById("run-away");
    if (!place) {
      place = document.createElement("div");
      place.id = "run-away";
      place.className = "banner";
      place.setAttribute("role", "status");
      document.getElementById("content").prepend(place);
    }
    place.hidden = !message;
    place.textContent = message;
  }

  async function turn() {
    try {
      await refresh();
      if (failures > 0) {
        said("");
      }
      failures = 0;
    } catch (error) {
      failures += 1;
      said(`This page is not up to date: ${error.message} It goes on to ask.`);
    }
    if (isLive(document.getElementById("run"))) {
      window.setTimeout(turn, EVERY * Math.min(8, 1 + failures));
    }
  }

  document.addEventListener("DOMContentLoaded", function () {
    if (isLive(document.getElementById("run"))) {
      window.setTimeout(turn, EVERY);
    }
  });
})();

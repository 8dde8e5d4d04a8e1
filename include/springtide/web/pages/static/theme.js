// Before anything is drawn: light or dark as Airflow around this page, else as the system says.
"use strict";
(function () {
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    let theme = null;
    try {
      theme = window.localStorage.getItem("theme");
    } catch (error) {
      // A page without storage follows the system.
    }
    return theme === "dark" || theme === "light" ? theme : system.matches ? "dark" : "light";
  }

  function apply() {
    const theme = chosen();
    if (document.documentElement.dataset.theme !== theme) {
      document.documentElement.dataset.theme = theme;
      document.dispatchEvent(new CustomEvent("springtide:theme", { detail: theme }));
    }
  }

  apply();
  system.addEventListener("change", apply);
  window.addEventListener("storage", function (event) {
    if (event.key === "theme") {
      apply();
    }
  });
})();

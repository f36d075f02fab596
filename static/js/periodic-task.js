// Says in words what the chosen crontab means, on staff's page of a periodic task.
(() => {
  const words = JSON.parse(document.getElementById("readable-crontabs").textContent);
  const choice = document.getElementById("id_crontab");
  const translation = document.querySelector(".field-crontab_translation");
  if (translation) translation.hidden = true;
  if (!choice) return;

  const help = document.createElement("div");
  help.className = "help";
  help.setAttribute("role", "status");
  choice.closest(".field-crontab").append(help);

  const tell = () => {
    help.textContent = words[choice.value] ? `In words: ${words[choice.value]}` : "";
  };
  choice.addEventListener("change", tell);
  tell();
})();

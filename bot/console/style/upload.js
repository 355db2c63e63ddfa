// Sends a chosen file as it is and shows how much of it is sent. Every form with data-upload is one;
// what is said stands in its data-words, by the code of the server's answer.

(() => {
  const MARK = "X-Hesbot-Upload";
  const TOLD = 3000;  // milliseconds; what becomes of the file is then told beneath
  let sending = null;

  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-upload]");
    if (form && event.target.files.length) send(form, event.target.files[0]);
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-upload] button") && sending) sending.abort();
  });

  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      const form = event.target instanceof Element && event.target.closest("[data-upload]");
      if (!form) return;
      event.preventDefault();
      form.classList.toggle("over", name === "dragenter" || name === "dragover");
      if (name === "drop" && event.dataTransfer.files.length) send(form, event.dataTransfer.files[0]);
    });
  }

  window.addEventListener("beforeunload", (event) => {
    if (sending) event.preventDefault();
  });

  function send(form, file) {
    const words = JSON.parse(form.dataset.words);
    form.reset();
    if (sending) return say(form, words.wait, true);
    if (!file.size) return say(form, words.empty, true);
    if (file.size > Number(form.dataset.most)) return say(form, words.too_large, true);
    const request = new XMLHttpRequest();
    sending = request;
    say(form, "", false);
    show(form, file, 0);
    request.upload.addEventListener("progress", (event) => show(form, file, event.loaded));
    request.addEventListener("loadend", () => {
      sending = null;
      form.classList.remove("sending");
      if (request.status === 401) return window.location.reload();
      const taken = request.status === 202;
      say(form, taken ? words.taken : words[code(request)] || words.broken_off, !taken);
      if (taken) setTimeout(() => say(form, "", false), TOLD);
    });
    request.open("PUT", form.dataset.upload);
    request.setRequestHeader(MARK, "1");
    request.send(file);
  }

  function code(request) {
    try {
      return JSON.parse(request.responseText).error;
    } catch {
      return "broken_off";
    }
  }

  function show(form, file, sent) {
    const lang = document.documentElement.lang;
    const share = Math.min(sent / file.size, 1);
    const percent = share.toLocaleString(lang, { style: "percent", maximumFractionDigits: 0 });
    form.classList.add("sending");
    form.querySelector(".sent-name").textContent = file.name;
    form.querySelector(".sent-share").textContent = percent;
    form.querySelector("progress").value = share;
  }

  function say(form, text, bad) {
    const place = form.querySelector("[role=status]");
    place.textContent = text;
    place.classList.toggle("bad", bad && text !== "");
  }
})();

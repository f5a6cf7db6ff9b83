// Dropping a statement anywhere on its frame chooses it, as the button does.
for (const frame of document.querySelectorAll("[data-drop]")) {
  const input = frame.querySelector("input[type=file]");
  // The theme writes a file's name into the first text field it finds near it: here into the opening balance.
  input.hasChangeListener = true;
  frame.addEventListener("dragover", (event) => event.preventDefault());
  frame.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) input.files = event.dataTransfer.files;
  });
}

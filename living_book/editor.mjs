// The editor of a cell: CodeMirror, in the colors that Pygments gives to the page's code. The build
// bundles it, and a page loads it when a reader turns to a cell.
import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from "@codemirror/commands";
import { pythonLanguage } from "@codemirror/lang-python";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { tagHighlighter, tags } from "@lezer/highlight";

const colors = tagHighlighter([
  { tag: tags.comment, class: "c1" },
  { tag: tags.string, class: "s2" },
  { tag: tags.number, class: "mi" },
  { tag: [tags.bool, tags.null], class: "kc" },
  { tag: tags.moduleKeyword, class: "kn" },
  { tag: [tags.keyword, tags.controlKeyword, tags.definitionKeyword], class: "k" },
  { tag: tags.operatorKeyword, class: "ow" },
  { tag: tags.operator, class: "o" },
  { tag: tags.punctuation, class: "p" },
  { tag: tags.function(tags.definition(tags.variableName)), class: "nf" },
  { tag: tags.variableName, class: "n" },
]);
const look = EditorView.theme({
  "&": { color: "inherit" },
  "&.cm-focused": { outline: "none" }, // the box around it shows the focus
  ".cm-scroller": { fontFamily: "inherit", lineHeight: "inherit" },
  ".cm-content": { padding: "0", caretColor: "currentColor" },
  ".cm-line": { padding: "0" },
});

// Tab goes on to what follows, as everywhere, until a reader types: then it indents. Escape ends that.
const tab = (typed) => [
  { key: "Tab", run: (view) => typed.has(view) && indentMore(view), shift: (view) => typed.has(view) && indentLess(view) },
  { key: "Escape", run: (view) => typed.delete(view) },
];

export const edit = (parent, { code, label, run, change }) => {
  const typed = new Set();
  const told = EditorView.updateListener.of((update) => {
    if (!update.docChanged) return;
    typed.add(update.view);
    change(update.state.doc.toString());
  });
  const extensions = [
    history(), indentOnInput(), bracketMatching(), pythonLanguage, indentUnit.of("    "), syntaxHighlighting(colors), look, told,
    keymap.of([{ key: "Shift-Enter", run: () => { run(); return true; } }, ...tab(typed), ...defaultKeymap, ...historyKeymap]),
    EditorView.contentAttributes.of({
      tabindex: "0", "aria-label": label, "aria-description": "Shift and Enter run it. When you have typed, Tab indents, and Escape then Tab leaves.",
    }),
    EditorView.domEventHandlers({ blur: (event, view) => { typed.delete(view); } }),
  ];
  return new EditorView({ parent, state: EditorState.create({ doc: code, extensions }) });
};

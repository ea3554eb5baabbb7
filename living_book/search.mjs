// What a search does, bundled with the index of the book; loaded by a reader's first search.
/*! MiniSearch by Luca Ongaro and stemmer by Titus Wormer are under the MIT License. */
import MiniSearch from "minisearch";
import { stemmer } from "stemmer";
import { entries, synonyms } from "./search.json";

const LENGTH = 220; // of an excerpt, in characters
const WORD = /\p{N}+(?:\.\p{N}+)+|[\p{L}\p{M}\p{N}]+(?:['’]s(?!\p{L}))?/gu;
const EMPTY = new Set("a an and are as at by for from how in is it its of on or the their to was what which with without".split(" "));
const LETTERS = { ł: "l", ø: "o", đ: "d", ß: "ss", æ: "ae", œ: "oe" }; // those that are no letter with an accent

const fold = (word) => word.replace(/['’]s$/, "").toLowerCase().normalize("NFKD")
  .replace(/\p{M}/gu, "").replace(/[łøđßæœ]/g, (letter) => LETTERS[letter]);
const stem = (word) => (/^[a-z]{3,}$/.test(word) ? stemmer(word) : word);
// A text has its words and their stems, so that the beginning of a word finds it; a query has stems.
const forms = (word) => { const folded = fold(word); return EMPTY.has(folded) ? [] : [...new Set([folded, stem(folded)])]; };
const stems = (text) => (text.match(WORD) ?? []).map(fold).filter((word) => !EMPTY.has(word)).map(stem).join(" ");

const index = new MiniSearch({
  fields: ["title", "also", "text", "code"],
  tokenize: (text) => text.match(WORD) ?? [],
  processTerm: forms,
});
index.addAll(entries.map((entry, id) => ({ id, ...entry })));

const names = synonyms.map(([also, said]) => [also.map(stems), said.map(stems)]);
const titles = entries.map(({ title, also }) => [title, also.split(" ")[0]].map((words) => ` ${stems(words)} `));

// A query, and the same with what the book says instead of a name in it; a name that is only begun counts less.
const spoken = (query) => [[query, 1], ...names.flatMap(([also, said]) => also.flatMap((name) => {
  const whole = ` ${query} `.includes(` ${name} `), begun = name.startsWith(`${query} `);
  return whole || begun ? said.map((words) => [whole ? ` ${query} `.replace(` ${name} `, ` ${words} `).trim() : words, whole ? 0.9 : 0.5]) : [];
}))];

const named = (id, words) => titles[id].some((title) => title.includes(` ${words} `));
const look = (query, combineWith, words, number = query.match(/\d+\.\d+/)?.[0]) => index.search({
  combineWith: "OR",
  queries: spoken(query).map(([words, weight]) => ({
    queries: [words],
    combineWith,
    boost: { title: 6 * weight, also: 4 * weight, text: weight, code: weight / 2 },
  })),
}, {
  processTerm: (term) => term, // a stem already
  prefix: (term) => term.length > 2 && !/^\d/.test(term),
  boostDocument: (id) => entries[id].weight * (named(id, query) ? 2 : 1) * (number && named(id, number) ? 6 : 1) * (entries[id].title === words ? 4 : 1),
});

// The part of a text in which most of the words are, in pieces: [text, is a word that was looked for].
const excerpt = (text, terms) => {
  const marks = [...text.matchAll(WORD)].filter(([word]) => forms(word).some((form) => terms.has(form)));
  const within = (mark) => new Set(marks.filter((m) => m.index >= mark.index && m.index < mark.index + LENGTH - 40).map(([word]) => stem(fold(word)))).size;
  const best = marks.reduce((best, mark) => (within(mark) > (best ? within(best) : 0) ? mark : best), null);
  const from = best && best.index > 60 ? text.indexOf(" ", best.index - 60) + 1 : 0;
  const to = from + LENGTH < text.length ? Math.max(text.lastIndexOf(" ", from + LENGTH), from + 1) : text.length;
  const pieces = [[from ? "… " : "", false]];
  let at = from;
  for (const { 0: word, index } of marks.filter((m) => m.index >= from && m.index + m[0].length <= to)) {
    pieces.push([text.slice(at, index), false], [word, true]);
    at = index + word.length;
  }
  return [...pieces, [text.slice(at, to) + (to < text.length ? " …" : ""), false]];
};

globalThis.searchBook = (asked) => {
  const words = asked.trim().replace(/^(\w+\.)+(?=[A-Za-z_]\w*$)/, ""), query = stems(words); // without its module's name
  const all = look(query, "AND", words), found = all.length ? all : look(query, "OR", words);
  return found.map(({ id, terms }) => {
    const looked = new Set(terms), { title, url, where, text, code } = entries[id];
    const told = () => {
      const said = excerpt(text, looked), shown = said.length < 3 && excerpt(code, looked);
      return shown.length > 2 ? shown : said;
    };
    return { title: excerpt(title, looked), url, where, text: told };
  });
};

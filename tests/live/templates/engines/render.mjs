// Renders a template of Handlebars, EJS or Nunjucks: node render.mjs ENGINE FILE, its values as JSON on standard input.
import { readFileSync } from "node:fs";

const [engine, file] = process.argv.slice(2);
const source = readFileSync(file, "utf8");
const values = JSON.parse(readFileSync(0, "utf8"));
const escaped = (text) =>
  String(text).replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
const renderers = {
  handlebars: async () => (await import("handlebars")).default.compile(source)(values),
  "handlebars-plain": async () => (await import("handlebars")).default.compile(source, { noEscape: true })(values),
  ejs: async () => (await import("ejs")).default.render(source, { ...values, escaped }),
  nunjucks: async () => new (await import("nunjucks")).default.Environment(null, { autoescape: true }).renderString(source, values),
  "nunjucks-plain": async () => new (await import("nunjucks")).default.Environment(null, { autoescape: false }).renderString(source, values),
  // The fault of faults: a template made of values.
  "nunjucks-made": async () =>
    new (await import("nunjucks")).default.Environment(null, { autoescape: true }).renderString(source.replace("NAME", values.name), values),
  // A template literal, by hand.
  replace: async () => source.replace(/%(\w+)%/g, (_, name) => values[name]),
  "replace-escaped": async () => source.replace(/%(\w+)%/g, (_, name) => escaped(values[name])),
  // An address that is looked at before it is used.
  "replace-checked": async () => {
    if (new URL(values.page_url).protocol !== "https:") throw new Error("no address");
    return source.replace(/%(\w+)%/g, (_, name) => escaped(values[name]));
  },
  // What people write to be safe: script elements taken out by a pattern.
  "replace-filtered": async () =>
    source.replace(/%(\w+)%/g, (_, name) => String(values[name]).replace(/<script[^>]*>.*?<\/script>/gi, "").replace(/javascript:/gi, "")),
};
process.stdout.write(await renderers[engine]());

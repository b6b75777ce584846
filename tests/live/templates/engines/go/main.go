// Renders a template of html/template or text/template: render html|text FILE, its values as JSON on standard input.
package main

import (
	"encoding/json"
	htmltemplate "html/template"
	"os"
	"strings"
	texttemplate "text/template"
)

func must(err error) {
	if err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
}

func main() {
	source, err := os.ReadFile(os.Args[2])
	must(err)
	values := map[string]any{}
	must(json.NewDecoder(os.Stdin).Decode(&values))
	text := string(source)
	switch os.Args[1] {
	case "html":
		functions := htmltemplate.FuncMap{"raw": func(s string) htmltemplate.HTML { return htmltemplate.HTML(s) }}
		made, err := htmltemplate.New("t").Funcs(functions).Parse(text)
		must(err)
		must(made.Execute(os.Stdout, values))
	case "text":
		made, err := texttemplate.New("t").Parse(text)
		must(err)
		must(made.Execute(os.Stdout, values))
	case "made":
		made, err := texttemplate.New("t").Parse(strings.Replace(text, "NAME", values["name"].(string), 1))
		must(err)
		must(made.Execute(os.Stdout, values))
	}
}

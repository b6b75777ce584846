# Renders a template of ERB: ruby render.rb ENGINE FILE, its values as JSON on standard input.
require "erb"
require "json"

engine, file = ARGV
values = JSON.parse($stdin.read)
include ERB::Util
source = File.read(file)
source = source.sub("NAME") { values["name"] } if engine == "erb-made"
print ERB.new(source).result_with_hash(values)

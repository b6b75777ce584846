<?php
// Renders a template: php render.php ENGINE FILE, its values as JSON on standard input.
[, $engine, $file] = $argv;
$values = json_decode(stream_get_contents(STDIN), true);
if (str_starts_with($engine, 'twig')) {
    require_once '/usr/share/php/Twig/autoload.php';
    $loader = new Twig\Loader\FilesystemLoader(dirname($file));
    $twig = new Twig\Environment($loader, ['autoescape' => $engine === 'twig' ? 'html' : false]);
    if ($engine === 'twig-made') {
        echo $twig->createTemplate(str_replace('NAME', $values['name'], file_get_contents($file)))->render($values);
    } else {
        echo $twig->render(basename($file), $values);
    }
} else {
    extract($values);
    include $file;
}

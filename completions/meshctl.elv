
use builtin;
use str;

set edit:completion:arg-completer[meshctl] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'meshctl'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'meshctl'= {
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --no-input 'Never ask; a question counts as answered with no'
            cand -q 'Leave out words that are not errors'
            cand --quiet 'Leave out words that are not errors'
            cand -v 'Say more; may be given twice'
            cand --verbose 'Say more; may be given twice'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand init 'Make a project: a folder with meshctl.toml and a small mesh'
            cand check 'Check the files: syntax, references, routing, protocols, TLS'
            cand validate 'Check the files: syntax, references, routing, protocols, TLS'
            cand lint 'Check the files: syntax, references, routing, protocols, TLS'
            cand fmt 'Format the files of the project in place'
            cand explain 'Explain a code, or list all codes'
            cand render 'Render the Envoy configuration of every proxy'
            cand bootstrap 'Print the bootstrap of a proxy: envoy -c FILE'
            cand schema 'Print a JSON Schema, for editors and for those who read our output'
            cand completions 'Print the completion script of a shell'
            cand version 'Print the version'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'meshctl;init'= {
            cand --name 'The mesh''s name; the folder''s name unless given'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --no-input 'Never ask; a question counts as answered with no'
            cand -q 'Leave out words that are not errors'
            cand --quiet 'Leave out words that are not errors'
            cand -v 'Say more; may be given twice'
            cand --verbose 'Say more; may be given twice'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'meshctl;check'= {
            cand --fail-on 'The mildest finding that makes the command exit with 3'
            cand --select 'Show only these codes; may be given several times'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --exit-zero 'Exit with 0 whatever is found, for pipelines that upload first and judge later'
            cand --no-input 'Never ask; a question counts as answered with no'
            cand -q 'Leave out words that are not errors'
            cand --quiet 'Leave out words that are not errors'
            cand -v 'Say more; may be given twice'
            cand --verbose 'Say more; may be given twice'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'meshctl;validate'= {
            cand --fail-on 'The mildest finding that makes the command exit with 3'
            cand --select 'Show only these codes; may be given several times'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --exit-zero 'Exit with 0 whatever is found, for pipelines that upload first and judge later'
            cand --no-input 'Never ask; a question counts as answered with no'
            cand -q 'Leave out words that are not errors'
            cand --quiet 'Leave out words that are not errors'
            cand -v 'Say more; may be given twice'
            cand --verbose 'Say more; may be given twice'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'meshctl;lint'= {
            cand --fail-on 'The mildest finding that makes the command exit with 3'
            cand --select 'Show only these codes; may be given several times'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --exit-zero 'Exit with 0 whatever is found, for pipelines that upload first and judge later'
            cand --no-input 'Never ask; a question counts as answered with no'
            cand -q 'Leave out words that are not errors'
            cand --quiet 'Leave out words that are not errors'
            cand -v 'Say more; may be given twice'
            cand --verbose 'Say more; may be given twice'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'meshctl;fmt'= {
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --check 'Change nothing; exit with 2 if a file would change'
            cand --diff 'Change nothing; show what would change'
            cand --no-input 'Never ask; a question counts as answered with no'
            cand -q 'Leave out words that are not errors'
            cand --quiet 'Leave out words that are not errors'
            cand -v 'Say more; may be given twice'
            cand --verbose 'Say more; may be given twice'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'meshctl;explain'= {
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --no-input 'Never ask; a question counts as answered with no'
            cand -q 'Leave out words that are not errors'
            cand --quiet 'Leave out words that are not errors'
            cand -v 'Say more; may be given twice'
            cand --verbose 'Say more; may be given twice'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'meshctl;render'= {
            cand -o 'The folder to write to; without it everything is printed'
            cand --output 'The folder to write to; without it everything is printed'
            cand --only 'Only the proxies of this node or gateway, for example `virtual_node/cart`'
            cand --root 'The folder as the proxies will see it: they watch it, and look in its `current`'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --check 'Write nothing; show how the folder differs, and exit with 2 if it does'
            cand --source-map 'Also write source-map.json: where in the files each Envoy resource and route comes from'
            cand --no-input 'Never ask; a question counts as answered with no'
            cand -q 'Leave out words that are not errors'
            cand --quiet 'Leave out words that are not errors'
            cand -v 'Say more; may be given twice'
            cand --verbose 'Say more; may be given twice'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'meshctl;bootstrap'= {
            cand --instance 'Tells this instance from others of the same node or gateway'
            cand --root 'The directory target''s folder as the proxy sees it; the target''s own unless given'
            cand --admin 'Where the admin interface listens: a port of 127.0.0.1, a Unix socket, or `none`'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --no-input 'Never ask; a question counts as answered with no'
            cand -q 'Leave out words that are not errors'
            cand --quiet 'Leave out words that are not errors'
            cand -v 'Say more; may be given twice'
            cand --verbose 'Say more; may be given twice'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'meshctl;schema'= {
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --no-input 'Never ask; a question counts as answered with no'
            cand -q 'Leave out words that are not errors'
            cand --quiet 'Leave out words that are not errors'
            cand -v 'Say more; may be given twice'
            cand --verbose 'Say more; may be given twice'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'meshctl;completions'= {
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --no-input 'Never ask; a question counts as answered with no'
            cand -q 'Leave out words that are not errors'
            cand --quiet 'Leave out words that are not errors'
            cand -v 'Say more; may be given twice'
            cand --verbose 'Say more; may be given twice'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'meshctl;version'= {
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --no-input 'Never ask; a question counts as answered with no'
            cand -q 'Leave out words that are not errors'
            cand --quiet 'Leave out words that are not errors'
            cand -v 'Say more; may be given twice'
            cand --verbose 'Say more; may be given twice'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
        }
        &'meshctl;help'= {
            cand init 'Make a project: a folder with meshctl.toml and a small mesh'
            cand check 'Check the files: syntax, references, routing, protocols, TLS'
            cand fmt 'Format the files of the project in place'
            cand explain 'Explain a code, or list all codes'
            cand render 'Render the Envoy configuration of every proxy'
            cand bootstrap 'Print the bootstrap of a proxy: envoy -c FILE'
            cand schema 'Print a JSON Schema, for editors and for those who read our output'
            cand completions 'Print the completion script of a shell'
            cand version 'Print the version'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'meshctl;help;init'= {
        }
        &'meshctl;help;check'= {
        }
        &'meshctl;help;fmt'= {
        }
        &'meshctl;help;explain'= {
        }
        &'meshctl;help;render'= {
        }
        &'meshctl;help;bootstrap'= {
        }
        &'meshctl;help;schema'= {
        }
        &'meshctl;help;completions'= {
        }
        &'meshctl;help;version'= {
        }
        &'meshctl;help;help'= {
        }
    ]
    $completions[$command]
}

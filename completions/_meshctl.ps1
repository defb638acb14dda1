
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'meshctl' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'meshctl'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'meshctl' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Make a project: a folder with meshctl.toml and a small mesh, or the one that App Mesh had')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check the files: syntax, references, routing, protocols, TLS')
            [CompletionResult]::new('validate', 'validate', [CompletionResultType]::ParameterValue, 'Check the files: syntax, references, routing, protocols, TLS')
            [CompletionResult]::new('lint', 'lint', [CompletionResultType]::ParameterValue, 'Check the files: syntax, references, routing, protocols, TLS')
            [CompletionResult]::new('dev', 'dev', [CompletionResultType]::ParameterValue, 'Run a project on this host: an Envoy for each node and gateway, and requests through them')
            [CompletionResult]::new('fmt', 'fmt', [CompletionResultType]::ParameterValue, 'Format the files of the project in place')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain a code, or list all codes')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Show what an apply would change, in which order, and what it costs')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show a saved plan, or what a revision of the target changed')
            [CompletionResult]::new('diff', 'diff', [CompletionResultType]::ParameterValue, 'Show how two states of a mesh differ')
            [CompletionResult]::new('render', 'render', [CompletionResultType]::ParameterValue, 'Render the Envoy configuration of every proxy')
            [CompletionResult]::new('bootstrap', 'bootstrap', [CompletionResultType]::ParameterValue, 'Print the bootstrap of a proxy: envoy -c FILE')
            [CompletionResult]::new('drift', 'drift', [CompletionResultType]::ParameterValue, 'Detect changes made outside meshctl')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'Show what the target holds: all resources, those of a kind, or one')
            [CompletionResult]::new('history', 'history', [CompletionResultType]::ParameterValue, 'List the revisions of the target, the newest first')
            [CompletionResult]::new('apply', 'apply', [CompletionResultType]::ParameterValue, 'Apply the files to the target step by step, and verify that the proxies acknowledge each step')
            [CompletionResult]::new('rollback', 'rollback', [CompletionResultType]::ParameterValue, 'Roll back to an earlier revision, as a new one')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show the revision in force, an unfinished rollout, and what each proxy has')
            [CompletionResult]::new('wait', 'wait', [CompletionResultType]::ParameterValue, 'Wait until every proxy has acknowledged a revision')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Run a control plane: plans are applied to it, and Envoys take their configuration from it')
            [CompletionResult]::new('trace', 'trace', [CompletionResultType]::ParameterValue, 'Show the way of a request: routes, rewrites, nodes, and why each earlier route left it')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Test what becomes of requests, as files of tests expect it')
            [CompletionResult]::new('graph', 'graph', [CompletionResultType]::ParameterValue, 'Show the routing graph: who calls what, by which routes, and where requests end')
            [CompletionResult]::new('store', 'store', [CompletionResultType]::ParameterValue, 'Check or back up the store of a control plane, or bring a backup back')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print a JSON Schema, for editors and for those who read our output')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Turn App Mesh definitions into a project')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('version', 'version', [CompletionResultType]::ParameterValue, 'Print the version')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'meshctl;init' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The mesh''s name; the folder''s name unless given')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'App Mesh definitions to start from, as for `import`: files and folders')
            [CompletionResult]::new('--var', '--var', [CompletionResultType]::ParameterName, 'A value for a parameter, variable or placeholder of the sources; FILE:NAME=VALUE gives it to one file, named by its path or the end of it')
            [CompletionResult]::new('--values', '--values', [CompletionResultType]::ParameterName, 'A TOML file of such values, lists and tables among them; if it does not exist, it is written with all values that the sources need, as comments')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The Kubernetes namespace of objects that name none [default: default]')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'Files of folders to leave out: a path below the folder or a file name, with `*` and `**`')
            [CompletionResult]::new('--kind', '--kind', [CompletionResultType]::ParameterName, 'What a file defines that holds only a spec')
            [CompletionResult]::new('--mesh', '--mesh', [CompletionResultType]::ParameterName, 'The mesh''s name, or which of several to import')
            [CompletionResult]::new('--override', '--override', [CompletionResultType]::ParameterName, 'Which of several definitions of one resource counts')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--prove', '--prove', [CompletionResultType]::ParameterName, 'Compare the definitions with the config_dumps among the sources: print `equal routing`, or what differs; exit with 4 unless all was compared and is equal')
            [CompletionResult]::new('--allow-loss', '--allow-loss', [CompletionResultType]::ParameterName, 'Continue even if something in the sources is lost')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;check' {
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'The mildest finding that makes the command exit with 3')
            [CompletionResult]::new('--select', '--select', [CompletionResultType]::ParameterName, 'Show only these codes; may be given several times')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--exit-zero', '--exit-zero', [CompletionResultType]::ParameterName, 'Exit with 0 whatever is found, for pipelines that upload first and judge later')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;validate' {
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'The mildest finding that makes the command exit with 3')
            [CompletionResult]::new('--select', '--select', [CompletionResultType]::ParameterName, 'Show only these codes; may be given several times')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--exit-zero', '--exit-zero', [CompletionResultType]::ParameterName, 'Exit with 0 whatever is found, for pipelines that upload first and judge later')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;lint' {
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'The mildest finding that makes the command exit with 3')
            [CompletionResult]::new('--select', '--select', [CompletionResultType]::ParameterName, 'Show only these codes; may be given several times')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--exit-zero', '--exit-zero', [CompletionResultType]::ParameterName, 'Exit with 0 whatever is found, for pipelines that upload first and judge later')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;dev' {
            [CompletionResult]::new('--envoy', '--envoy', [CompletionResultType]::ParameterName, 'The Envoy to run; unset looks on PATH, then in the cache')
            [CompletionResult]::new('--network', '--network', [CompletionResultType]::ParameterName, 'Second byte of the loopback addresses, so that two runs do not meet')
            [CompletionResult]::new('--patience', '--patience', [CompletionResultType]::ParameterName, 'How long the proxies may take to be ready, in seconds')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--once', '--once', [CompletionResultType]::ParameterName, 'End after the requests instead of waiting for Ctrl-C; exit with 1 if one was not answered as it should be')
            [CompletionResult]::new('--print-overlay', '--print-overlay', [CompletionResultType]::ParameterName, 'Print the overlay that makes the mesh fit on this host, and run nothing')
            [CompletionResult]::new('--install-envoy', '--install-envoy', [CompletionResultType]::ParameterName, 'Install the Envoy that meshctl is tested with into the cache, with pip, unless it is there')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;fmt' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Change nothing; exit with 2 if a file would change')
            [CompletionResult]::new('--diff', '--diff', [CompletionResultType]::ParameterName, 'Change nothing; show what would change')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;explain' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;plan' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Also save the plan, for `apply FILE` and `show FILE`')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Also save the plan, for `apply FILE` and `show FILE`')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Plan only these resources, and what would dangle without them; may be given several times')
            [CompletionResult]::new('--allow-deletes', '--allow-deletes', [CompletionResultType]::ParameterName, 'Consent to up to so many deletes')
            [CompletionResult]::new('--allow-updates', '--allow-updates', [CompletionResultType]::ParameterName, 'Consent to up to so many updates')
            [CompletionResult]::new('--accept', '--accept', [CompletionResultType]::ParameterName, 'Consent to a finding about one resource, for example `MC0906@route/cart/all`')
            [CompletionResult]::new('--take-ownership', '--take-ownership', [CompletionResultType]::ParameterName, 'Take a resource over from the project that owns it')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--detailed-exitcode', '--detailed-exitcode', [CompletionResultType]::ParameterName, 'Exit with 2 if there are changes')
            [CompletionResult]::new('--summary', '--summary', [CompletionResultType]::ParameterName, 'Only what the changes amount to')
            [CompletionResult]::new('--no-prune', '--no-prune', [CompletionResultType]::ParameterName, 'Leave live what is no longer in the files')
            [CompletionResult]::new('--allow-empty', '--allow-empty', [CompletionResultType]::ParameterName, 'Consent to deleting everything, for files that define nothing')
            [CompletionResult]::new('--allow-lost-record', '--allow-lost-record', [CompletionResultType]::ParameterName, 'Consent to writing the whole mesh anew, for a target whose record is lost')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;show' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--summary', '--summary', [CompletionResultType]::ParameterName, 'Only what the changes amount to')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;diff' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--detailed-exitcode', '--detailed-exitcode', [CompletionResultType]::ParameterName, 'Exit with 2 if they differ')
            [CompletionResult]::new('--summary', '--summary', [CompletionResultType]::ParameterName, 'Only what the differences amount to')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;render' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The folder to write to; without it everything is printed')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'The folder to write to; without it everything is printed')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Only the proxies of this node or gateway, for example `virtual_node/cart`')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The folder as the proxies will see it: they watch it, and look in its `current`')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Write nothing; show how the folder differs, and exit with 2 if it does')
            [CompletionResult]::new('--source-map', '--source-map', [CompletionResultType]::ParameterName, 'Also write source-map.json: where in the files each Envoy resource and route comes from')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;bootstrap' {
            [CompletionResult]::new('--instance', '--instance', [CompletionResultType]::ParameterName, 'Tells this instance from others of the same node or gateway')
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'The directory target''s folder as the proxy sees it; the target''s own unless given')
            [CompletionResult]::new('--admin', '--admin', [CompletionResultType]::ParameterName, 'Where the admin interface listens: a port of 127.0.0.1, a Unix socket, or `none`')
            [CompletionResult]::new('--identity', '--identity', [CompletionResultType]::ParameterName, 'The folder of the proxy''s certificate, as the proxy sees it: the control plane is spoken to under TLS')
            [CompletionResult]::new('--join-token', '--join-token', [CompletionResultType]::ParameterName, 'Get the first certificate with a join token, into the folder: @FILE, or the variable MESHCTL_JOIN_TOKEN')
            [CompletionResult]::new('--renew', '--renew', [CompletionResultType]::ParameterName, 'Get the next certificate with the present one instead of printing the bootstrap: at once, or whenever two thirds of a life have passed, until it is stopped')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--allow-plaintext-to-other-hosts', '--allow-plaintext-to-other-hosts', [CompletionResultType]::ParameterName, 'Write a bootstrap without TLS even if the control plane is on another host: whoever is between the two can read and change what the proxy does')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;drift' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--detailed-exitcode', '--detailed-exitcode', [CompletionResultType]::ParameterName, 'Exit with 2 if anything differs')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;get' {
            [CompletionResult]::new('--rev', '--rev', [CompletionResultType]::ParameterName, 'Look at this revision rather than the newest')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--origin', '--origin', [CompletionResultType]::ParameterName, 'Show the files instead, with overlay: the line that sets each field')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;history' {
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'The number of revisions to list')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'The number of revisions to list')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;apply' {
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Apply only if the plan has this digest')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Plan only these resources, and what would dangle without them; may be given several times')
            [CompletionResult]::new('--allow-deletes', '--allow-deletes', [CompletionResultType]::ParameterName, 'Consent to up to so many deletes')
            [CompletionResult]::new('--allow-updates', '--allow-updates', [CompletionResultType]::ParameterName, 'Consent to up to so many updates')
            [CompletionResult]::new('--accept', '--accept', [CompletionResultType]::ParameterName, 'Consent to a finding about one resource, for example `MC0906@route/cart/all`')
            [CompletionResult]::new('--take-ownership', '--take-ownership', [CompletionResultType]::ParameterName, 'Take a resource over from the project that owns it')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'How long each step may take to be acknowledged; `none` asks no proxy, and verifies nothing')
            [CompletionResult]::new('--settle', '--settle', [CompletionResultType]::ParameterName, 'How long to wait after each step for proxies without an admin address')
            [CompletionResult]::new('--drain', '--drain', [CompletionResultType]::ParameterName, 'How long open streams to removed targets may continue before the last step closes them')
            [CompletionResult]::new('--on-nack', '--on-nack', [CompletionResultType]::ParameterName, 'What to do when a proxy rejects a step')
            [CompletionResult]::new('--canary', '--canary', [CompletionResultType]::ParameterName, 'Send each step to N (3) or a share (10%) of its proxies first, and to the others once those have acknowledged it')
            [CompletionResult]::new('--canary-wait', '--canary-wait', [CompletionResultType]::ParameterName, 'How long to watch the first proxies before the others follow')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another meshctl that is changing the target')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Idempotency key of 16 to 128 characters: repeating it returns the original result, even if the files have changed since (control planes)')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--resume', '--resume', [CompletionResultType]::ParameterName, 'Resume a rollout that was interrupted, was halted, or stopped before a switch')
            [CompletionResult]::new('--rewrite', '--rewrite', [CompletionResultType]::ParameterName, 'Write the files of every proxy again from the live model, which removes drift')
            [CompletionResult]::new('--no-prune', '--no-prune', [CompletionResultType]::ParameterName, 'Leave live what is no longer in the files')
            [CompletionResult]::new('--allow-empty', '--allow-empty', [CompletionResultType]::ParameterName, 'Consent to deleting everything, for files that define nothing')
            [CompletionResult]::new('--allow-lost-record', '--allow-lost-record', [CompletionResultType]::ParameterName, 'Consent to writing the whole mesh anew, for a target whose record is lost')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Apply without asking for approval')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Apply without asking for approval')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;rollback' {
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Roll back only if the plan has this digest')
            [CompletionResult]::new('--accept', '--accept', [CompletionResultType]::ParameterName, 'Consent to a finding about one resource, for example `MC0908@route/cart/all`')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'How long each step may take to be acknowledged; `none` asks no proxy, and verifies nothing')
            [CompletionResult]::new('--settle', '--settle', [CompletionResultType]::ParameterName, 'How long to wait after each step for proxies without an admin address')
            [CompletionResult]::new('--drain', '--drain', [CompletionResultType]::ParameterName, 'How long open streams to removed targets may continue before the last step closes them')
            [CompletionResult]::new('--on-nack', '--on-nack', [CompletionResultType]::ParameterName, 'What to do when a proxy rejects a step')
            [CompletionResult]::new('--canary', '--canary', [CompletionResultType]::ParameterName, 'Send each step to N (3) or a share (10%) of its proxies first, and to the others once those have acknowledged it')
            [CompletionResult]::new('--canary-wait', '--canary-wait', [CompletionResultType]::ParameterName, 'How long to watch the first proxies before the others follow')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'How long to wait for another meshctl that is changing the target')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Idempotency key of 16 to 128 characters: repeating it returns the original result, even if the files have changed since (control planes)')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Apply without asking for approval')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Apply without asking for approval')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;status' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Show it again whenever it changes, until interrupted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;wait' {
            [CompletionResult]::new('--rev', '--rev', [CompletionResultType]::ParameterName, 'The revision, or any later one; the newest unless given')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long to wait')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;serve' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'The folder of the store, the operators and the audit log; made if it is not there')
            [CompletionResult]::new('--admin', '--admin', [CompletionResultType]::ParameterName, 'Where the admin API listens')
            [CompletionResult]::new('--xds', '--xds', [CompletionResultType]::ParameterName, 'Where Envoys connect (xDS)')
            [CompletionResult]::new('--admin-name', '--admin-name', [CompletionResultType]::ParameterName, 'A further name, with its port, by which the admin API may be asked for')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'After a start: how long a step waits for Envoys that may not be back yet')
            [CompletionResult]::new('--audit-on-error', '--audit-on-error', [CompletionResultType]::ParameterName, 'What happens to changes while the audit log cannot be written. A revocation is always made')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Set a limit of what peers may ask for; may be repeated. `--help` lists them with their defaults')
            [CompletionResult]::new('--admin-cert', '--admin-cert', [CompletionResultType]::ParameterName, 'The certificate of the admin API, as a PEM file')
            [CompletionResult]::new('--admin-key', '--admin-key', [CompletionResultType]::ParameterName, 'The key of that certificate')
            [CompletionResult]::new('--admin-client-ca', '--admin-client-ca', [CompletionResultType]::ParameterName, 'The authorities of operators'' certificates, which say who needs no token (`meshctl serve operator add --certificate`)')
            [CompletionResult]::new('--xds-cert', '--xds-cert', [CompletionResultType]::ParameterName, 'The certificate of xDS, as a PEM file')
            [CompletionResult]::new('--xds-key', '--xds-key', [CompletionResultType]::ParameterName, 'The key of that certificate')
            [CompletionResult]::new('--xds-client-ca', '--xds-client-ca', [CompletionResultType]::ParameterName, 'The authorities of proxies whose certificates come from elsewhere')
            [CompletionResult]::new('--trust-domain', '--trust-domain', [CompletionResultType]::ParameterName, 'A proxy is who its certificate says: spiffe://DOMAIN/mesh/M/virtual_node/N')
            [CompletionResult]::new('--identity-cert', '--identity-cert', [CompletionResultType]::ParameterName, 'The certificate of an authority with which this server signs those of proxies: they join with a token (`meshctl serve token`) and renew by themselves')
            [CompletionResult]::new('--identity-key', '--identity-key', [CompletionResultType]::ParameterName, 'The key of that authority')
            [CompletionResult]::new('--identity-life', '--identity-life', [CompletionResultType]::ParameterName, 'How long a proxy''s certificate is valid')
            [CompletionResult]::new('--xds-ca', '--xds-ca', [CompletionResultType]::ParameterName, 'The authorities of the xDS certificate, which proxies that join are given; unset is --identity-cert')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('operator', 'operator', [CompletionResultType]::ParameterValue, 'Make, list and remove those who may use the admin API')
            [CompletionResult]::new('token', 'token', [CompletionResultType]::ParameterValue, 'Have a running server make a join token, and print it: it is kept nowhere')
            [CompletionResult]::new('tokens', 'tokens', [CompletionResultType]::ParameterValue, 'Join tokens of a running server that nobody has used: list and remove them')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'Have a running server reject every certificate of a proxy that exists now')
            [CompletionResult]::new('allow', 'allow', [CompletionResultType]::ParameterValue, 'Have a running server accept certificates of other authorities for a revoked proxy again')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'meshctl;serve;operator' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Make an operator, or give one a new secret, and print the secret: it is kept nowhere')
            [CompletionResult]::new('renew', 'renew', [CompletionResultType]::ParameterValue, 'Have an operator be valid for its whole life again, with the secret that it has')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Remove an operator')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the operators: name, role, where it may do that, and when it expires')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'meshctl;serve;operator;add' {
            [CompletionResult]::new('--role', '--role', [CompletionResultType]::ParameterName, 'What it may do')
            [CompletionResult]::new('--mesh', '--mesh', [CompletionResultType]::ParameterName, 'A mesh in which it may do that, or `*`; unset is all, for the roles read and write')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'A service that it may register instances of, or `NAMESPACE/*`, or `*`; for the role register')
            [CompletionResult]::new('--life', '--life', [CompletionResultType]::ParameterName, 'How long it is valid; `serve operator renew` and `POST /v1/token/renew` renew it')
            [CompletionResult]::new('--certificate', '--certificate', [CompletionResultType]::ParameterName, 'The SPIFFE URI of the operator''s certificate, of an authority of --admin-client-ca')
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'The folder of the server')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;serve;operator;renew' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'The folder of the server')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;serve;operator;remove' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'The folder of the server')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;serve;operator;list' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'The folder of the server')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;serve;operator;help' {
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Make an operator, or give one a new secret, and print the secret: it is kept nowhere')
            [CompletionResult]::new('renew', 'renew', [CompletionResultType]::ParameterValue, 'Have an operator be valid for its whole life again, with the secret that it has')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Remove an operator')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the operators: name, role, where it may do that, and when it expires')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'meshctl;serve;operator;help;add' {
            break
        }
        'meshctl;serve;operator;help;renew' {
            break
        }
        'meshctl;serve;operator;help;remove' {
            break
        }
        'meshctl;serve;operator;help;list' {
            break
        }
        'meshctl;serve;operator;help;help' {
            break
        }
        'meshctl;serve;token' {
            [CompletionResult]::new('--life', '--life', [CompletionResultType]::ParameterName, 'How long it works')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;serve;tokens' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List id, proxies, end and maker of each')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Remove one: nobody joins with it any more')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'meshctl;serve;tokens;list' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;serve;tokens;remove' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;serve;tokens;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List id, proxies, end and maker of each')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Remove one: nobody joins with it any more')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'meshctl;serve;tokens;help;list' {
            break
        }
        'meshctl;serve;tokens;help;remove' {
            break
        }
        'meshctl;serve;tokens;help;help' {
            break
        }
        'meshctl;serve;revoke' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;serve;allow' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;serve;help' {
            [CompletionResult]::new('operator', 'operator', [CompletionResultType]::ParameterValue, 'Make, list and remove those who may use the admin API')
            [CompletionResult]::new('token', 'token', [CompletionResultType]::ParameterValue, 'Have a running server make a join token, and print it: it is kept nowhere')
            [CompletionResult]::new('tokens', 'tokens', [CompletionResultType]::ParameterValue, 'Join tokens of a running server that nobody has used: list and remove them')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'Have a running server reject every certificate of a proxy that exists now')
            [CompletionResult]::new('allow', 'allow', [CompletionResultType]::ParameterValue, 'Have a running server accept certificates of other authorities for a revoked proxy again')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'meshctl;serve;help;operator' {
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Make an operator, or give one a new secret, and print the secret: it is kept nowhere')
            [CompletionResult]::new('renew', 'renew', [CompletionResultType]::ParameterValue, 'Have an operator be valid for its whole life again, with the secret that it has')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Remove an operator')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the operators: name, role, where it may do that, and when it expires')
            break
        }
        'meshctl;serve;help;operator;add' {
            break
        }
        'meshctl;serve;help;operator;renew' {
            break
        }
        'meshctl;serve;help;operator;remove' {
            break
        }
        'meshctl;serve;help;operator;list' {
            break
        }
        'meshctl;serve;help;token' {
            break
        }
        'meshctl;serve;help;tokens' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List id, proxies, end and maker of each')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Remove one: nobody joins with it any more')
            break
        }
        'meshctl;serve;help;tokens;list' {
            break
        }
        'meshctl;serve;help;tokens;remove' {
            break
        }
        'meshctl;serve;help;revoke' {
            break
        }
        'meshctl;serve;help;allow' {
            break
        }
        'meshctl;serve;help;help' {
            break
        }
        'meshctl;trace' {
            [CompletionResult]::new('-H', '-H ', [CompletionResultType]::ParameterName, 'A header, as often as needed; `Host` replaces the host of the URL')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'A header, as often as needed; `Host` replaces the host of the URL')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'The node or gateway that it starts from; the only gateway unless given')
            [CompletionResult]::new('--at', '--at', [CompletionResultType]::ParameterName, 'Which state of the mesh, instead of the files')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;test' {
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Only tests whose names contain this text')
            [CompletionResult]::new('--at', '--at', [CompletionResultType]::ParameterName, 'Which state of the mesh, instead of the files')
            [CompletionResult]::new('--coverage-min', '--coverage-min', [CompletionResultType]::ParameterName, 'Exit with 3 if the tests take fewer of the routes, in per cent')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--coverage', '--coverage', [CompletionResultType]::ParameterName, 'Also show which routes no test takes, each with a request that does')
            [CompletionResult]::new('--update', '--update', [CompletionResultType]::ParameterName, 'Write down what happens now in the tests that fail; with --coverage, also add a test for each route that none takes, to tests/untested.toml')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;graph' {
            [CompletionResult]::new('--depth', '--depth', [CompletionResultType]::ParameterName, 'Only so many steps up and down from ADDR; all the way unless given')
            [CompletionResult]::new('--at', '--at', [CompletionResultType]::ParameterName, 'Which state of the mesh, instead of the files')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to this file instead of stdout')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to this file instead of stdout')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--changes', '--changes', [CompletionResultType]::ParameterName, 'Show what changes: from live to the files; with --at what that plan or revision does')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;store' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Read every revision and object and every line of the audit log, and hold each to its hash')
            [CompletionResult]::new('backup', 'backup', [CompletionResultType]::ParameterValue, 'Write all of it to a new file')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Make a store from a backup')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'meshctl;store;check' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'The folder of the store; no server may be using it')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;store;backup' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'The folder of the store; no server may be using it')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;store;restore' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'The folder of the store to make')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--replace', '--replace', [CompletionResultType]::ParameterName, 'Put it in the place of the store that is there, which is kept beside it')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;store;help' {
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Read every revision and object and every line of the audit log, and hold each to its hash')
            [CompletionResult]::new('backup', 'backup', [CompletionResultType]::ParameterValue, 'Write all of it to a new file')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Make a store from a backup')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'meshctl;store;help;check' {
            break
        }
        'meshctl;store;help;backup' {
            break
        }
        'meshctl;store;help;restore' {
            break
        }
        'meshctl;store;help;help' {
            break
        }
        'meshctl;schema' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;import' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The folder of the new project; if it has a project, the differences are printed instead')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'The folder of the new project; if it has a project, the differences are printed instead')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'The format of the sources; detected from their content by default')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The name of what FILE defines, where FILE holds only a spec; FILE is a path or the end of one, and the name of a route may be ROUTER/ROUTE or GATEWAY/ROUTE')
            [CompletionResult]::new('--var', '--var', [CompletionResultType]::ParameterName, 'A value for a parameter, variable or placeholder of the sources; FILE:NAME=VALUE gives it to one file, named by its path or the end of it')
            [CompletionResult]::new('--values', '--values', [CompletionResultType]::ParameterName, 'A TOML file of such values, lists and tables among them; if it does not exist, it is written with all values that the sources need, as comments')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'The Kubernetes namespace of objects that name none [default: default]')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'Files of folders to leave out: a path below the folder or a file name, with `*` and `**`')
            [CompletionResult]::new('--kind', '--kind', [CompletionResultType]::ParameterName, 'What a file defines that holds only a spec')
            [CompletionResult]::new('--mesh', '--mesh', [CompletionResultType]::ParameterName, 'The mesh''s name, or which of several to import')
            [CompletionResult]::new('--override', '--override', [CompletionResultType]::ParameterName, 'Which of several definitions of one resource counts')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--prove', '--prove', [CompletionResultType]::ParameterName, 'Compare the definitions with the config_dumps among the sources: print `equal routing`, or what differs; exit with 4 unless all was compared and is equal')
            [CompletionResult]::new('--allow-loss', '--allow-loss', [CompletionResultType]::ParameterName, 'Continue even if something in the sources is lost')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;completions' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;version' {
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'The project''s folder')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'The overlay to lay over the files: env/NAME.toml')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'The target of meshctl.toml to work against')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The form of the result')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to colour output')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; a question counts as answered with no')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Leave out words that are not errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more; may be given twice')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            break
        }
        'meshctl;help' {
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Make a project: a folder with meshctl.toml and a small mesh, or the one that App Mesh had')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check the files: syntax, references, routing, protocols, TLS')
            [CompletionResult]::new('dev', 'dev', [CompletionResultType]::ParameterValue, 'Run a project on this host: an Envoy for each node and gateway, and requests through them')
            [CompletionResult]::new('fmt', 'fmt', [CompletionResultType]::ParameterValue, 'Format the files of the project in place')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain a code, or list all codes')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Show what an apply would change, in which order, and what it costs')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show a saved plan, or what a revision of the target changed')
            [CompletionResult]::new('diff', 'diff', [CompletionResultType]::ParameterValue, 'Show how two states of a mesh differ')
            [CompletionResult]::new('render', 'render', [CompletionResultType]::ParameterValue, 'Render the Envoy configuration of every proxy')
            [CompletionResult]::new('bootstrap', 'bootstrap', [CompletionResultType]::ParameterValue, 'Print the bootstrap of a proxy: envoy -c FILE')
            [CompletionResult]::new('drift', 'drift', [CompletionResultType]::ParameterValue, 'Detect changes made outside meshctl')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'Show what the target holds: all resources, those of a kind, or one')
            [CompletionResult]::new('history', 'history', [CompletionResultType]::ParameterValue, 'List the revisions of the target, the newest first')
            [CompletionResult]::new('apply', 'apply', [CompletionResultType]::ParameterValue, 'Apply the files to the target step by step, and verify that the proxies acknowledge each step')
            [CompletionResult]::new('rollback', 'rollback', [CompletionResultType]::ParameterValue, 'Roll back to an earlier revision, as a new one')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show the revision in force, an unfinished rollout, and what each proxy has')
            [CompletionResult]::new('wait', 'wait', [CompletionResultType]::ParameterValue, 'Wait until every proxy has acknowledged a revision')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Run a control plane: plans are applied to it, and Envoys take their configuration from it')
            [CompletionResult]::new('trace', 'trace', [CompletionResultType]::ParameterValue, 'Show the way of a request: routes, rewrites, nodes, and why each earlier route left it')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Test what becomes of requests, as files of tests expect it')
            [CompletionResult]::new('graph', 'graph', [CompletionResultType]::ParameterValue, 'Show the routing graph: who calls what, by which routes, and where requests end')
            [CompletionResult]::new('store', 'store', [CompletionResultType]::ParameterValue, 'Check or back up the store of a control plane, or bring a backup back')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print a JSON Schema, for editors and for those who read our output')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Turn App Mesh definitions into a project')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('version', 'version', [CompletionResultType]::ParameterValue, 'Print the version')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'meshctl;help;init' {
            break
        }
        'meshctl;help;check' {
            break
        }
        'meshctl;help;dev' {
            break
        }
        'meshctl;help;fmt' {
            break
        }
        'meshctl;help;explain' {
            break
        }
        'meshctl;help;plan' {
            break
        }
        'meshctl;help;show' {
            break
        }
        'meshctl;help;diff' {
            break
        }
        'meshctl;help;render' {
            break
        }
        'meshctl;help;bootstrap' {
            break
        }
        'meshctl;help;drift' {
            break
        }
        'meshctl;help;get' {
            break
        }
        'meshctl;help;history' {
            break
        }
        'meshctl;help;apply' {
            break
        }
        'meshctl;help;rollback' {
            break
        }
        'meshctl;help;status' {
            break
        }
        'meshctl;help;wait' {
            break
        }
        'meshctl;help;serve' {
            [CompletionResult]::new('operator', 'operator', [CompletionResultType]::ParameterValue, 'Make, list and remove those who may use the admin API')
            [CompletionResult]::new('token', 'token', [CompletionResultType]::ParameterValue, 'Have a running server make a join token, and print it: it is kept nowhere')
            [CompletionResult]::new('tokens', 'tokens', [CompletionResultType]::ParameterValue, 'Join tokens of a running server that nobody has used: list and remove them')
            [CompletionResult]::new('revoke', 'revoke', [CompletionResultType]::ParameterValue, 'Have a running server reject every certificate of a proxy that exists now')
            [CompletionResult]::new('allow', 'allow', [CompletionResultType]::ParameterValue, 'Have a running server accept certificates of other authorities for a revoked proxy again')
            break
        }
        'meshctl;help;serve;operator' {
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Make an operator, or give one a new secret, and print the secret: it is kept nowhere')
            [CompletionResult]::new('renew', 'renew', [CompletionResultType]::ParameterValue, 'Have an operator be valid for its whole life again, with the secret that it has')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Remove an operator')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the operators: name, role, where it may do that, and when it expires')
            break
        }
        'meshctl;help;serve;operator;add' {
            break
        }
        'meshctl;help;serve;operator;renew' {
            break
        }
        'meshctl;help;serve;operator;remove' {
            break
        }
        'meshctl;help;serve;operator;list' {
            break
        }
        'meshctl;help;serve;token' {
            break
        }
        'meshctl;help;serve;tokens' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List id, proxies, end and maker of each')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Remove one: nobody joins with it any more')
            break
        }
        'meshctl;help;serve;tokens;list' {
            break
        }
        'meshctl;help;serve;tokens;remove' {
            break
        }
        'meshctl;help;serve;revoke' {
            break
        }
        'meshctl;help;serve;allow' {
            break
        }
        'meshctl;help;trace' {
            break
        }
        'meshctl;help;test' {
            break
        }
        'meshctl;help;graph' {
            break
        }
        'meshctl;help;store' {
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Read every revision and object and every line of the audit log, and hold each to its hash')
            [CompletionResult]::new('backup', 'backup', [CompletionResultType]::ParameterValue, 'Write all of it to a new file')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Make a store from a backup')
            break
        }
        'meshctl;help;store;check' {
            break
        }
        'meshctl;help;store;backup' {
            break
        }
        'meshctl;help;store;restore' {
            break
        }
        'meshctl;help;schema' {
            break
        }
        'meshctl;help;import' {
            break
        }
        'meshctl;help;completions' {
            break
        }
        'meshctl;help;version' {
            break
        }
        'meshctl;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}

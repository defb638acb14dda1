
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
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Make a project: a folder with meshctl.toml and a small mesh')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check the files: syntax, references, routing, protocols, TLS')
            [CompletionResult]::new('validate', 'validate', [CompletionResultType]::ParameterValue, 'Check the files: syntax, references, routing, protocols, TLS')
            [CompletionResult]::new('lint', 'lint', [CompletionResultType]::ParameterValue, 'Check the files: syntax, references, routing, protocols, TLS')
            [CompletionResult]::new('fmt', 'fmt', [CompletionResultType]::ParameterValue, 'Format the files of the project in place')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain a code, or list all codes')
            [CompletionResult]::new('render', 'render', [CompletionResultType]::ParameterValue, 'Render the Envoy configuration of every proxy')
            [CompletionResult]::new('bootstrap', 'bootstrap', [CompletionResultType]::ParameterValue, 'Print the bootstrap of a proxy: envoy -c FILE')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print a JSON Schema, for editors and for those who read our output')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('version', 'version', [CompletionResultType]::ParameterValue, 'Print the version')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'meshctl;init' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The mesh''s name; the folder''s name unless given')
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
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Make a project: a folder with meshctl.toml and a small mesh')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check the files: syntax, references, routing, protocols, TLS')
            [CompletionResult]::new('fmt', 'fmt', [CompletionResultType]::ParameterValue, 'Format the files of the project in place')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain a code, or list all codes')
            [CompletionResult]::new('render', 'render', [CompletionResultType]::ParameterValue, 'Render the Envoy configuration of every proxy')
            [CompletionResult]::new('bootstrap', 'bootstrap', [CompletionResultType]::ParameterValue, 'Print the bootstrap of a proxy: envoy -c FILE')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print a JSON Schema, for editors and for those who read our output')
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
        'meshctl;help;fmt' {
            break
        }
        'meshctl;help;explain' {
            break
        }
        'meshctl;help;render' {
            break
        }
        'meshctl;help;bootstrap' {
            break
        }
        'meshctl;help;schema' {
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

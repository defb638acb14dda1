//! What makes definitions when it is run, found in texts: calls of `aws appmesh`, here-documents for
//! `kubectl`, calls of SDKs, programs of the CDK, Pulumi and their like.

use super::tree::{Node, Value};

/// What makes definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    /// Calls of `aws appmesh create-*` and `update-*`.
    Calls,
    /// Objects of Kubernetes within another text.
    Objects,
    /// Resources of CloudFormation within another text.
    Resources,
    /// Resources of Pulumi in YAML.
    Pulumi,
}

/// The kinds of App Mesh's resources in commands.
const KINDS: [&str; 7] = [
    "mesh",
    "virtual-node",
    "virtual-router",
    "route",
    "virtual-service",
    "virtual-gateway",
    "gateway-route",
];
/// The endings of files that hold definitions.
const FILES: [&str; 9] =
    [".json", ".jsonc", ".yaml", ".yml", ".template", ".tmpl", ".tpl", ".jq", ".j2"];
/// What to import in place of what an SDK or the CLI was given.
const DESCRIBED: &str = "Put the JSON that it gives to `aws appmesh` into files of their own, or import what \
                         `aws appmesh describe-*` printed";

impl Maker {
    /// What is said of a text that has it.
    pub(super) const fn message(self) -> &'static str {
        match self {
            Self::Calls => "this runs `aws appmesh`, whose definitions are not among the sources",
            Self::Objects => "this holds objects of App Mesh within another text",
            Self::Resources => "this holds resources of AWS::AppMesh, but is no template",
            Self::Pulumi => "this is a program of Pulumi, not the definitions that it makes",
        }
    }

    /// What to import instead.
    pub(super) const fn help(self) -> &'static str {
        match self {
            Self::Calls => DESCRIBED,
            Self::Objects => {
                "Put the objects (those of a script stand between `<<EOF` and `EOF`) into a YAML file of \
                 their own, or import what `kubectl get -A -o yaml meshes,virtualnodes,virtualrouters,virtualservices,\
                 virtualgateways,gatewayroutes` prints"
            }
            Self::Resources => {
                "Import the template of the stack: aws cloudformation get-template --stack-name STACK > \
                 template.json"
            }
            Self::Pulumi => {
                "Import the state of the Pulumi stack: pulumi stack export > stack.json"
            }
        }
    }

    /// The same, for a text whose tool is known.
    pub(super) fn help_for(self, path: &str, text: &str) -> &'static str {
        let name = path.rsplit('/').next().unwrap_or(path);
        match self {
            Self::Resources if name.starts_with("serverless.") || text.contains("\nprovider:") => {
                "Import the template that it makes: serverless package, then \
                 .serverless/cloudformation-template-update-stack.json"
            }
            _ => self.help(),
        }
    }
}

/// Where the line starts that a byte is in.
pub(super) fn line(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |line| line + 1)
}

/// The first thing in a text that makes definitions that are not among the sources.
pub(super) fn find(text: &str, paths: &[String]) -> Option<(usize, Maker)> {
    let calls = text.match_indices("appmesh ").find(|(at, word)| {
        is_call(&text[at + word.len()..]) && !commented(text, *at) && !backed(text, *at, paths)
    });
    let first = |word: &str, fits: &dyn Fn(usize) -> bool| {
        let mut all = text.match_indices(word).map(|(at, _)| at);
        all.find(|at| !commented(text, *at) && fits(*at))
    };
    let objects = first("appmesh.k8s.aws/v1beta", &|_| true);
    let resources = first("AWS::AppMesh::", &|at| text[line(text, at)..at].contains("Type"));
    let pulumi = first("aws:appmesh", &|at| {
        let rest = &text[at + "aws:appmesh".len()..];
        !text[..at].ends_with("arn:") && rest.starts_with([':', '/'])
    });
    [
        (calls.map(|(at, _)| at), Maker::Calls),
        (objects, Maker::Objects),
        (resources, Maker::Resources),
        (pulumi, Maker::Pulumi),
    ]
    .into_iter()
    .filter_map(|(at, maker)| Some((line(text, at?), maker)))
    .min_by_key(|(at, _)| *at)
}

/// The first thing in the texts of a tree that makes definitions.
pub(super) fn in_node(node: &Node, paths: &[String]) -> Option<(crate::span::Loc, Maker)> {
    match &node.value {
        Value::Null => None,
        Value::Scalar(text) => {
            // The objects of manifests within resources have the version alone.
            let maker = find(text, paths).map(|(_, maker)| maker);
            maker.map(|maker| (node.loc, maker))
        }
        Value::List(items) => items.iter().find_map(|item| in_node(item, paths)),
        Value::Map(entries) => entries.iter().find_map(|entry| in_node(&entry.node, paths)),
    }
}

/// Whether a text goes on as a call that makes or changes a resource.
fn is_call(rest: &str) -> bool {
    ["create-", "update-"].iter().filter_map(|verb| rest.strip_prefix(verb)).any(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(rest.len());
        KINDS.contains(&&rest[..end])
    })
}

/// Whether a place is in a line that is a comment.
fn commented(text: &str, at: usize) -> bool {
    let start = text[line(text, at)..at].trim_start();
    ["#", "//", "REM ", "::", "<!--"].iter().any(|mark| start.starts_with(mark))
}

/// The command that a place is in: its line, and those that it goes on in.
fn command(text: &str, at: usize) -> &str {
    let start = line(text, at);
    let mut end = at;
    while let Some(next) = text[end..].find('\n') {
        end += next;
        if !text[..end].ends_with(['\\', '`', '^']) {
            return &text[start..end];
        }
        end += 1;
    }
    &text[start..]
}

/// Whether all files that a call passes on are among the sources. A file whose name is a variable's may be.
fn backed(text: &str, at: usize, paths: &[String]) -> bool {
    let command = command(text, at);
    if let Some(all) = files(command, paths) {
        return all;
    }
    if command.contains("file://") {
        return true;
    }
    // `--cli-input-json "$input"`, where a line above fills the variable from a file.
    let given = ["--cli-input-json", "--cli-input-yaml", "--spec"];
    given.iter().filter_map(|flag| command.split_once(flag)).any(|(_, value)| {
        let value = value.trim_start_matches([' ', '=', '"', '\'', '\\', '\n']);
        let Some(name) = value.strip_prefix('$') else { return false };
        let name = name.trim_start_matches('{');
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
        let set = format!("{}=", &name[..end]);
        end > 0
            && text.match_indices(&set).any(|(at, _)| {
                let whole = &text[at..];
                let end = whole.find("\n)").or_else(|| whole.find('\n')).unwrap_or(whole.len());
                files(&whole[..end], paths) == Some(true)
            })
    })
}

/// Whether the files that a command names are among the sources; `None` if it names none.
pub(super) fn files(command: &str, paths: &[String]) -> Option<bool> {
    let parts = command.split(|c: char| c.is_whitespace() || "\"'`()<>=;,".contains(c));
    let names = parts.filter(|part| FILES.iter().any(|ending| part.ends_with(ending)));
    let names: Vec<&str> = names.filter_map(|part| part.rsplit(['/', '}']).next()).collect();
    let known = |name: &&str| {
        name.contains(['$', '*']) || paths.iter().any(|path| path.rsplit('/').next() == Some(name))
    };
    (!names.is_empty()).then(|| names.iter().all(known))
}

/// What a program makes, and whether it can be seen to make definitions of App Mesh.
pub(super) fn program(
    path: &str,
    text: &str,
    paths: &[String],
) -> Option<(usize, &'static str, bool)> {
    let tools = [
        ("pulumi", "Import the state of the Pulumi stack: pulumi stack export > stack.json"),
        ("cdktf", "Import what it makes: cdktf synth, then cdktf.out/stacks/STACK/cdk.tf.json"),
        ("cdk8s", "Import what it makes: cdk8s synth, then dist/*.yaml"),
        ("troposphere", "Import the template that troposphere prints: python FILE > template.json"),
        ("cdk", "Import what it makes: cdk synth > template.yaml"),
    ];
    if let Some((word, help)) = tools.iter().find(|(word, _)| text.contains(word)) {
        return Some((text.find(word).unwrap_or(0), help, true));
    }
    if let Some(at) = sdk_call(text) {
        return Some((at, DESCRIBED, true));
    }
    if let Some((at, maker)) = find(text, paths) {
        return Some((at, maker.help_for(path, text), true));
    }
    None
}

/// Where a program calls what makes a resource: `create_virtual_node`, `createVirtualNode` or
/// `CreateVirtualNodeCommand`.
fn sdk_call(text: &str) -> Option<usize> {
    if !text.to_ascii_lowercase().contains("appmesh") {
        return None;
    }
    let pascal = |kind: &str| -> String {
        let part = |part: &str| part[..1].to_ascii_uppercase() + &part[1..];
        kind.split('-').map(part).collect()
    };
    let words = KINDS.iter().flat_map(|kind| {
        let (snake, pascal) = (kind.replace('-', "_"), pascal(kind));
        ["create", "update"].into_iter().flat_map(move |verb| {
            let upper = verb[..1].to_ascii_uppercase() + &verb[1..];
            let names =
                [format!("{verb}_{snake}"), format!("{verb}{pascal}"), format!("{upper}{pascal}")];
            names.into_iter()
        })
    });
    let places = words.filter_map(|word| {
        let mut all = text.match_indices(&word).map(|(at, _)| at);
        all.find(|at| {
            let rest = &text[at + word.len()..];
            let rest = ["Command", "Request", "Input"]
                .iter()
                .find_map(|e| rest.strip_prefix(e))
                .unwrap_or(rest);
            rest.trim_start().starts_with(['(', '{']) && !commented(text, *at)
        })
    });
    places.min()
}

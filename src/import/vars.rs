//! Placeholders: what a step of templates was to replace, as `$NAME`, `${NAME}`, `{{ expression }}`,
//! `$(NAME)`, `#{NAME}`, `<NAME>`, `@@NAME@@`, `__NAME__`, becomes a value or is reported as one without.

use super::Format;
use super::context::Cx;
use super::tree::{Entry, Node, Value};
use super::yaml::{CLOSE, OPEN};
use crate::span::Loc;

/// Keys whose text has dollars, braces or angle brackets of its own.
const LITERAL: [&str; 3] = ["regex", "text", "json"];

/// Replaces the placeholders in all values, and in names that are keys.
pub(super) fn substitute(cx: &mut Cx<'_>, node: &Node) -> Node {
    inner(cx, node, false)
}

/// The tree with braces where YAML needed others in their place, and all else as it is.
pub(super) fn restored(node: &Node) -> Node {
    let value = match &node.value {
        Value::Null => Value::Null,
        Value::Scalar(text) => Value::Scalar(braces(text)),
        Value::List(items) => Value::List(items.iter().map(restored).collect()),
        Value::Map(entries) => {
            let entry = |entry: &Entry| Entry {
                key: braces(&entry.key),
                at: entry.at,
                node: restored(&entry.node),
            };
            Value::Map(entries.iter().map(entry).collect())
        }
    };
    Node { loc: node.loc, value }
}

/// A text with braces where YAML needed others in their place.
pub(super) fn braces(text: &str) -> String {
    text.replace(OPEN, "{{").replace(CLOSE, "}}")
}

fn inner(cx: &mut Cx<'_>, node: &Node, literal: bool) -> Node {
    let value = match &node.value {
        Value::Null => Value::Null,
        Value::Scalar(text) => Value::Scalar(replaced(cx, text, node.loc, literal)),
        Value::List(items) => {
            Value::List(items.iter().map(|item| inner(cx, item, literal)).collect())
        }
        Value::Map(entries) => {
            let entry = |entry: &Entry| {
                let literal = literal || LITERAL.contains(&entry.key.to_lowercase().as_str());
                Entry {
                    key: replaced(cx, &entry.key, entry.at, true),
                    at: entry.at,
                    node: inner(cx, &entry.node, literal),
                }
            };
            Value::Map(entries.iter().map(entry).collect())
        }
    };
    Node { loc: node.loc, value }
}

/// Replaces the placeholders of a text. A literal text has only those that cannot be anything else.
fn replaced(cx: &mut Cx<'_>, text: &str, loc: Loc, literal: bool) -> String {
    if !text.contains(['$', '<', '{', '@', '#', '%', '_', OPEN]) {
        return text.to_owned();
    }
    let text = braces(text);
    let text = plain(&text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['$', '<', '{', '@', '#', '%', '_']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let before = &text[..text.len() - rest.len()];
        match placeholder(before, rest, literal) {
            Some(found) if found.is_free(cx, &rest[..found.length]) => {
                if found.template && cx.value_of(&found.name).is_none() {
                    cx.template(loc);
                }
                out.push_str(&cx.variable(&found.name, loc));
                rest = &rest[found.length..];
            }
            _ => {
                let first = rest.chars().next().map_or(1, char::len_utf8);
                out.push_str(&rest[..first]);
                rest = &rest[first..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// A variable without what a jq program does to its type: `($PORT | tonumber)`.
fn plain(text: &str) -> &str {
    let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    let variable = inner.and_then(|inner| inner.split_once('|')).map(|(name, _)| name.trim());
    variable.filter(|name| name.starts_with('$')).unwrap_or(text)
}

/// How tools mark what they replace: before and behind, and what may stand between.
const FORMS: [(&str, &str, Inner); 12] = [
    // Pipelines of GitHub and Azure.
    ("${{", "}}", Inner::Expression),
    ("{{{", "}}}", Inner::Expression),
    // Go templates, Jinja, mustache.
    ("{{", "}}", Inner::Expression),
    // Shells, envsubst, Flux, serverless.
    ("${", "}", Inner::Expression),
    // Replace Tokens of Azure, Octopus.
    ("#{", "}#", Inner::Expression),
    ("#{", "}", Inner::Expression),
    ("@@", "@@", Inner::Name),
    // Make, Kubernetes, pipelines, and shells' commands.
    ("$(", ")", Inner::Expression),
    // ERB and its like. The formats of logs have `<%REQ(X)%>` of their own.
    ("<%", "%>", Inner::Program),
    ("{%", "%}", Inner::Program),
    ("%{", "}", Inner::Program),
    ("<", ">", Inner::Loose),
];

/// What may stand between the marks of a placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inner {
    /// A name.
    Name,
    /// A name, or an expression where the text is not literal.
    Expression,
    /// A name or an expression, never in a literal text.
    Program,
    /// A name, never in a literal text.
    Loose,
}

/// A placeholder at the start of a text.
struct Placeholder {
    name: String,
    /// How many bytes it has.
    length: usize,
    /// Whether it is more than a name, so that only the template's own tool knows what it gives.
    template: bool,
}

impl Placeholder {
    /// Whether it is text of the source, rather than of a value that was put in before.
    fn is_free(&self, cx: &mut Cx<'_>, text: &str) -> bool {
        let computed = matches!(cx.format, Format::CloudFormation | Format::Terraform);
        let given = computed && cx.options.vars.values().any(|value| value.contains(text));
        !given || cx.value_of(&self.name).is_some()
    }
}

/// The placeholder at the start of a text, if there is one; `before` is what stands before it.
fn placeholder(before: &str, text: &str, literal: bool) -> Option<Placeholder> {
    for (open, close, inner) in FORMS {
        let Some(rest) = text.strip_prefix(open) else { continue };
        // `\$(a|b)` of an expression is a dollar and a group.
        if literal && open == "$(" && before.ends_with('\\') {
            continue;
        }
        let Some(end) = closing(rest, open, close) else { continue };
        let length = open.len() + end + close.len();
        if let Some((name, template)) = name(&rest[..end], inner, literal, open == "${") {
            let template = template && open.starts_with("{{");
            return Some(Placeholder { name, length, template });
        }
    }
    if literal {
        return None;
    }
    let found = |name: &str, length: usize| {
        Some(Placeholder { name: name.to_owned(), length, template: false })
    };
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if let Some(rest) = text.strip_prefix("__") {
        // `__HOST__` is the mark of a step that replaces it; `/__HOST__` may be the path of a program.
        let length = rest.find(|c: char| !word(c)).unwrap_or(rest.len());
        let inner = rest[..length].strip_suffix("__")?;
        let shouts = inner.starts_with(|c: char| c.is_ascii_uppercase())
            && inner.ends_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit())
            && !inner.contains(|c: char| c.is_ascii_lowercase());
        let alone = !before.ends_with(word) && !before.starts_with('/') && !text.starts_with("___");
        return (shouts && alone).then(|| found(inner, length + 2)).flatten();
    }
    let name = text.strip_prefix('$')?;
    let length = name.find(|c: char| !word(c)).unwrap_or(name.len());
    let name = &name[..length];
    // In the midst of a text only what looks like a variable of a shell is taken for one.
    let shell = !name.contains(|c: char| c.is_ascii_lowercase());
    let whole = before.is_empty() && length + 1 == text.len();
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && (shell || whole);
    good.then(|| found(name, length + 1)).flatten()
}

/// Where a placeholder ends: brackets within it are closed before.
fn closing(text: &str, open: &str, close: &str) -> Option<usize> {
    let (begins, ends) = match (close, open) {
        ("}", _) => ('{', '}'),
        (")", _) => ('(', ')'),
        _ => return text.find(close),
    };
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if c == begins {
            depth += 1;
        } else if c == ends && depth == 0 {
            return Some(at);
        } else if c == ends {
            depth -= 1;
        }
    }
    None
}

/// What stands between the marks of a placeholder: its name, and whether it is more than a name.
fn name(text: &str, inner: Inner, literal: bool, shell: bool) -> Option<(String, bool)> {
    if literal && matches!(inner, Inner::Program | Inner::Loose) {
        return None;
    }
    // Marks of trimming and of output belong to the brackets.
    let marks = ['-', '=', '~', '+'];
    let text = text.trim_start_matches(marks).trim_end_matches(['-', '~', '+']).trim();
    let begins = |c: char| c.is_ascii_alphabetic() || "_.".contains(c);
    let legal = |c: char| c.is_ascii_alphanumeric() || "_-. ".contains(c);
    if text.starts_with(begins) && text.chars().all(legal) {
        return Some((text.to_owned(), false));
    }
    if text.starts_with("resolve:") {
        return Some((text.to_owned(), false));
    }
    let expression = matches!(inner, Inner::Expression | Inner::Program);
    if literal || !expression || !text.starts_with(|c: char| begins(c) || "\"'`($/!".contains(c)) {
        return None;
    }
    // `${NAME:-default}`: whoever fills it in knows whether the default holds.
    let word = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let (variable, rest) = text.split_at(word);
    let marks = [":-", ":=", ":?", ":+", "=", "?", "+", "-", "%", "#", "/", "^", ",", "@"];
    if shell && !variable.is_empty() && marks.iter().any(|mark| rest.starts_with(mark)) {
        return Some((variable.to_owned(), false));
    }
    Some((text.replace(char::is_control, " "), true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Options;
    use std::collections::BTreeMap;

    fn check(text: &str, literal: bool, expected: &str) {
        let vars = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        let options = Options { vars, ..Options::default() };
        let mut cx = Cx::new(&options);
        assert_eq!(replaced(&mut cx, text, Loc::NOWHERE, literal), expected, "{text}");
    }

    #[test]
    fn placeholders_of_every_kind_are_replaced() {
        check("$A", false, "1");
        check("x-${A}.y", false, "x-1.y");
        check("{{A}}-{{ A }}", false, "1-1");
        check("<A>", false, "1");
        check("x@@A@@", false, "x1");
        check("a@b.c", false, "a@b.c");
        check("a.$A.b", false, "a.1.b");
        check("$dns", false, "unset-dns");
        check("${.Values.x}", false, "unset-Values-x");
        check("a$b", false, "a$b");
        check("5 < 6 > 4", false, "5 < 6 > 4");
        check("($A | tonumber)", false, "1");
        check("(?P<A>x)$", true, "(?P<A>x)$");
        check("^/${A}/$", true, "^/1/$");
        check("\u{7fe}0x\u{7ff} \u{7fe}A\u{7ff}", false, "{{0x}} 1");
        check("$(A).#{A}#.#{A}.%{A}.<%= A %>.{{{ A }}}.${{ A }}", false, "1.1.1.1.1.1.1");
        check("${A:-x}.${A}.${A:-${B}}", false, "1.1.1");
        check("__A__.__A__-__init__", false, "1.1-__init__");
        check("a__A__b", false, "a__A__b");
        check("/__A__/x", false, "/__A__/x");
        check("{{ include \"shop.host\" . }}", false, "unset-include--shop-host");
        check("{{ .Values.x | default \"cart\" }}.b", false, "unset-Values-x---default--cart.b");
        check("$(aws ssm get-parameter --name=x)", false, "unset-aws-ssm-get-parameter---name-x");
        check("{{ if eq a \"=\" }}", false, "unset-if-eq-a");
    }

    #[test]
    fn literal_texts_have_marks_of_their_own() {
        for text in [
            r"^/a\$(b|c)/(x{2}|y$)",
            "<%START_TIME%> %REQ(:METHOD)% %{x}",
            "^/(a|b){2,3}#{2}$",
            "{\"a\":{\"b\":\"%X%\"}}",
            "^/__A__/$A",
        ] {
            check(text, true, text);
        }
        check("^/$(A)/#{A}/@@A@@/{{A}}$", true, "^/1/1/1/1$");
    }

    #[test]
    fn what_a_template_computes_is_reported_once_a_file() {
        let options = Options::default();
        let mut cx = Cx::new(&options);
        for text in ["{{ include \"a\" . }}", "{{ .a | quote }}", "{{ .b }}", "$(x y)"] {
            replaced(&mut cx, text, Loc::NOWHERE, false);
        }
        assert_eq!(cx.generators.len(), 1);
        assert_eq!(cx.missing.len(), 4);
    }
}

//! Formats of access logs, read as the pinned Envoy reads them.

use crate::diag::nearest;

/// Operators that take no argument.
const PLAIN: &[&str] = &["@PLAIN@"];

/// Operators that need an argument in parentheses.
const WITH_ARGUMENT: &[&str] = &["@WITH@"];

/// Operators that take an argument or none.
const EITHER: &[&str] = &["@EITHER@"];

/// What is wrong with a format.
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// Everything in a format that Envoy would refuse.
pub(super) fn faults(text: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            rest = after;
            continue;
        }
        match operator(rest) {
            Some((name, argument, length, after)) => {
                faults.extend(operator_fault(name, argument, length));
                rest = after;
            }
            None => {
                let shown: String = rest.chars().take(20).collect();
                faults.push(Fault {
                    message: format!("`%{shown}` starts no operator"),
                    help: Some(
                        "write an operator as `%NAME%` or `%NAME(ARGUMENT)%`, and a per cent sign \
                         as `%%`"
                            .to_owned(),
                    ),
                });
                // Whatever follows cannot be told from this one's rest.
                break;
            }
        }
    }
    faults
}

/// `NAME`, `NAME(ARGUMENT)` or either with `:LENGTH`, up to and with its closing `%`.
fn operator(text: &str) -> Option<(&str, Option<&str>, bool, &str)> {
    let end = text
        .find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        .filter(|end| *end > 0)?;
    let (name, mut rest) = text.split_at(end);
    let mut argument = None;
    if let Some(inner) = rest.strip_prefix('(') {
        let close = inner.find(')')?;
        argument = Some(&inner[..close]);
        rest = &inner[close + 1..];
    }
    let mut length = false;
    if let Some(digits) = rest.strip_prefix(':') {
        let end = digits.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
        length = true;
        rest = &digits[end..];
    }
    rest.strip_prefix('%').map(|rest| (name, argument, length, rest))
}

fn operator_fault(name: &str, argument: Option<&str>, length: bool) -> Option<Fault> {
    let fault = |message: String, help: Option<String>| Some(Fault { message, help });
    if PLAIN.contains(&name) {
        if argument.is_some() || length {
            return fault(
                format!("`%{name}%` takes neither an argument nor a length"),
                Some(format!("write `%{name}%`")),
            );
        }
        return None;
    }
    if WITH_ARGUMENT.contains(&name) {
        if argument.is_none_or(str::is_empty) {
            return fault(
                format!("`%{name}%` needs an argument"),
                Some(format!("write `%{name}(…)%`")),
            );
        }
        return None;
    }
    if EITHER.contains(&name) {
        return None;
    }
    let known = PLAIN.iter().chain(WITH_ARGUMENT).chain(EITHER).copied();
    let help = nearest(name, known).map(|name| format!("did you mean `%{name}%`?"));
    fault(format!("`%{name}%` is no operator of Envoy"), help)
}

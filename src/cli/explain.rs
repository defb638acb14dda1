//! `explain`: what a code means and how to mend it.

use super::{Context, Exit, Failure, Format};
use crate::diag::{Code, nearest};
use clap::Args;
use serde_json::json;
use std::fmt::Write;

/// Explain a code, or list all codes
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// A code (MC0101) or its name (unknown-reference); without one all are listed
    code: Option<String>,
}

/// Every code of every stage, ordered.
pub fn all_codes() -> Vec<&'static Code> {
    let mut all: Vec<&'static Code> =
        [crate::schema::CODES, crate::resolve::CODES, crate::load::CODES, crate::plan::CODES]
            .concat();
    all.extend(crate::rules::codes());
    all.extend(crate::envoy::limits::CODES);
    all.extend(crate::import::CODES);
    all.extend(crate::expect::CODES);
    all.sort_by_key(|code| code.id);
    all
}

pub(super) fn run(context: &Context, args: &ExplainArgs) -> Result<Exit, Failure> {
    let format = context.format(&[Format::Text, Format::Json])?;
    let all = all_codes();
    let Some(wanted) = &args.code else {
        if format == Format::Json {
            context.ui.result(&document(&all));
        } else {
            let mut text = String::new();
            for code in all {
                let _ = writeln!(
                    text,
                    "{}  {:<7}  {:<36}  {}",
                    code.id,
                    code.severity.as_str(),
                    code.name,
                    code.summary
                );
            }
            context.ui.result(&text);
        }
        return Ok(Exit::Done);
    };
    let upper = wanted.to_uppercase();
    let Some(code) = all.iter().find(|code| code.id == upper || code.name == wanted) else {
        let known = all.iter().flat_map(|code| [code.id, code.name]);
        let failure = Failure::new(Exit::Usage, format!("there is no code `{wanted}`"));
        return Err(match nearest(wanted, known) {
            Some(near) => failure.hint(format!("did you mean {near}?")),
            None => failure.hint("meshctl explain lists all codes"),
        });
    };
    if format == Format::Json {
        context.ui.result(&document(&[code]));
    } else {
        let text = format!(
            "{} {} ({})\n\n{}.\n\n{}\n",
            code.id,
            code.name,
            code.severity,
            capital(code.summary),
            wrap(code.explanation, context.ui.width().min(80))
        );
        context.ui.result(&text);
    }
    Ok(Exit::Done)
}

/// One form for one code and for all of them.
fn document(codes: &[&Code]) -> String {
    let codes: Vec<_> = codes.iter().map(|code| entry(code)).collect();
    let document = json!({
        "format": "meshctl.explain",
        "format_version": "1.0",
        "codes": codes,
    });
    format!("{document:#}\n")
}

fn entry(code: &Code) -> serde_json::Value {
    json!({
        "code": code.id,
        "name": code.name,
        "severity": code.severity.as_str(),
        "summary": code.summary,
        "explanation": code.explanation,
    })
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// Breaks text at spaces.
fn wrap(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("invariant: there is a line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

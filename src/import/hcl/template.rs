//! Evaluating HCL's templates: literals, interpolations and directives.
//!
//! As Terraform does it, a template is first a row of pieces, in which each line of a literal is one: marks
//! strip the piece beside them only, and the indentation of a heredoc is that of the pieces that begin lines.

use super::eval::{Env, World, bad, limit};
use super::functions::TEXT_MAX;
use super::module::loc;
use super::value::{Evaluated, Val};
use crate::import::context::Cx;
use crate::span::Loc;
use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::template::{Directive, Element, ForTemplateExpr, Strip};

/// A piece of a template.
enum Piece<'e> {
    /// A line of a literal, or a part of one.
    Text(String),
    Value(&'e Expression, Strip),
    If(&'e Expression, Strip),
    Else(Strip),
    EndIf(Strip),
    For(&'e ForTemplateExpr),
    EndFor(Strip),
}

impl Piece<'_> {
    fn strip(&self) -> Strip {
        match self {
            Self::Text(_) => Strip::None,
            Self::Value(_, strip)
            | Self::If(_, strip)
            | Self::Else(strip)
            | Self::EndIf(strip)
            | Self::EndFor(strip) => *strip,
            Self::For(each) => each.strip,
        }
    }
}

impl<'m> World<'m> {
    /// The text of a template. One that a condition or collection decides that is not known is not known
    /// as a whole; an interpolation that is not known gets a text in its place.
    pub(super) fn template<'e>(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        elements: impl IntoIterator<Item = &'e Element>,
        indented: bool,
        place: Loc,
    ) -> Evaluated<'m> {
        let raw = indented.then(|| self.files.get(env.file).text());
        let mut pieces = Vec::new();
        flatten(elements, raw.map(|raw| &**raw), &mut pieces);
        strip(&mut pieces);
        if indented {
            dedent(&mut pieces);
        }
        self.pieces(cx, env, &pieces, place)
    }

    fn pieces(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        mut rest: &[Piece<'_>],
        place: Loc,
    ) -> Evaluated<'m> {
        let mut out = String::new();
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            let value = match first {
                Piece::Text(text) => Val::Str(text.clone()),
                Piece::Value(expr, _) => {
                    let value = self.eval(cx, env, expr)?;
                    Val::Str(self.text(cx, &value, loc(env.file, *expr))?)
                }
                Piece::If(condition, _) => {
                    let (chosen, other, behind) = branches(rest);
                    rest = behind;
                    let condition = self.eval(cx, env, condition)?;
                    if let Some(name) = condition.unknown(cx) {
                        return Ok(Val::Unknown(name));
                    }
                    match condition.truth() {
                        Some(true) => self.pieces(cx, env, chosen, place)?,
                        Some(false) => self.pieces(cx, env, other, place)?,
                        None => {
                            return bad(place, format!("{} is not a boolean", condition.kind()));
                        }
                    }
                }
                Piece::For(each) => {
                    let (inner, _, behind) = branches(rest);
                    rest = behind;
                    self.repeated(cx, env, each, inner, place)?
                }
                Piece::Else(_) | Piece::EndIf(_) | Piece::EndFor(_) => continue,
            };
            match value {
                Val::Str(text) => out.push_str(&text),
                unknown => return Ok(unknown),
            }
            if out.len() > TEXT_MAX {
                return limit(place, "the text is longer than 1 MiB");
            }
        }
        Ok(Val::Str(out))
    }

    fn repeated(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        each: &ForTemplateExpr,
        inner: &[Piece<'_>],
        place: Loc,
    ) -> Evaluated<'m> {
        let over = self.eval(cx, env, &each.collection_expr)?;
        if let Val::Unknown(_) = over {
            return Ok(over);
        }
        let Some(pairs) = over.pairs() else {
            return bad(place, format!("{} cannot be looped over", over.kind()));
        };
        let key = each.key_var.as_ref().map(|name| name.as_str());
        let mut out = String::new();
        for (k, v) in &pairs {
            let env = env.with([key, Some(each.value_var.as_str())], k, v);
            match self.pieces(cx, &env, inner, place)? {
                Val::Str(text) => out.push_str(&text),
                unknown => return Ok(unknown),
            }
            if out.len() > TEXT_MAX {
                return limit(place, "the text is longer than 1 MiB");
            }
        }
        Ok(Val::Str(out))
    }
}

/// The pieces of a template. `raw` is the file that an indented heredoc is in: the parser takes away
/// indentation by a rule of its own.
fn flatten<'e>(
    elements: impl IntoIterator<Item = &'e Element>,
    raw: Option<&str>,
    pieces: &mut Vec<Piece<'e>>,
) {
    for element in elements {
        match element {
            Element::Literal(text) => {
                let span = text.span().filter(|_| raw.is_some()).unwrap_or(0..0);
                let written = raw.and_then(|raw| raw.get(span)).map(unescaped);
                let dense = |text: &str| text.split_whitespace().collect::<String>();
                let written = written.filter(|written| dense(written) == dense(text.as_str()));
                let whole = written.unwrap_or_else(|| text.as_str().to_owned());
                pieces.extend(whole.split_inclusive('\n').map(|line| Piece::Text(line.to_owned())));
            }
            Element::Interpolation(inner) => pieces.push(Piece::Value(&inner.expr, inner.strip)),
            Element::Directive(directive) => match &**directive {
                Directive::If(chosen) => {
                    let opening = &chosen.if_expr;
                    pieces.push(Piece::If(&opening.cond_expr, opening.strip));
                    flatten(opening.template.iter(), raw, pieces);
                    if let Some(other) = &chosen.else_expr {
                        pieces.push(Piece::Else(other.strip));
                        flatten(other.template.iter(), raw, pieces);
                    }
                    pieces.push(Piece::EndIf(chosen.endif_expr.strip));
                }
                Directive::For(each) => {
                    pieces.push(Piece::For(&each.for_expr));
                    flatten(each.for_expr.template.iter(), raw, pieces);
                    pieces.push(Piece::EndFor(each.endfor_expr.strip));
                }
            },
        }
    }
}

/// The text of a literal in a heredoc.
fn unescaped(raw: &str) -> String {
    raw.replace("$${", "${").replace("%%{", "%{").replace("\r\n", "\n")
}

/// Strips the pieces beside marks.
fn strip(pieces: &mut [Piece<'_>]) {
    let strips: Vec<Strip> = pieces.iter().map(Piece::strip).collect();
    for (at, piece) in pieces.iter_mut().enumerate() {
        let Piece::Text(text) = piece else { continue };
        let before = at.checked_sub(1).and_then(|at| strips.get(at));
        if matches!(before, Some(Strip::End | Strip::Both)) {
            *text = text.trim_start().to_owned();
        }
        if matches!(strips.get(at + 1), Some(Strip::Start | Strip::Both)) {
            *text = text.trim_end().to_owned();
        }
    }
}

/// Takes away as much indentation as all lines have.
fn dedent(pieces: &mut [Piece<'_>]) {
    let mut least: Option<usize> = None;
    let mut lines = Vec::new();
    let mut begins = true;
    for (at, piece) in pieces.iter().enumerate() {
        let own = match piece {
            Piece::Text(text) => {
                let spaces = text.chars().take_while(|c| c.is_whitespace()).count();
                // A line of white space does not count.
                let blank = text.ends_with('\n') && text.trim_start().is_empty();
                if begins && !blank {
                    lines.push(at);
                }
                (!blank).then_some(spaces)
            }
            _ => Some(0),
        };
        if begins && let Some(own) = own {
            least = Some(least.map_or(own, |least| least.min(own)));
        }
        begins = matches!(piece, Piece::Text(text) if text.ends_with('\n'));
    }
    let least = least.unwrap_or(0);
    for at in lines {
        if let Some(Piece::Text(text)) = pieces.get_mut(at) {
            *text = text.chars().skip(least).collect();
        }
    }
}

/// What a directive encloses, what follows its `else`, and what follows its end.
fn branches<'p, 'e>(
    pieces: &'p [Piece<'e>],
) -> (&'p [Piece<'e>], &'p [Piece<'e>], &'p [Piece<'e>]) {
    let mut depth = 0_usize;
    let mut other = None;
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::If(..) | Piece::For(_) => depth += 1,
            Piece::Else(_) if depth == 0 => other = Some(at),
            Piece::EndIf(_) | Piece::EndFor(_) if depth == 0 => {
                let (first, second) = match other {
                    Some(middle) => (&pieces[..middle], &pieces[middle + 1..at]),
                    None => (&pieces[..at], &pieces[at..at]),
                };
                return (first, second, &pieces[at + 1..]);
            }
            Piece::EndIf(_) | Piece::EndFor(_) => depth -= 1,
            Piece::Text(_) | Piece::Value(..) | Piece::Else(_) => {}
        }
    }
    (pieces, &[], &[])
}

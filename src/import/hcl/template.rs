//! Evaluating HCL's templates: literals, interpolations and directives.

use super::eval::{Env, World, bad, limit};
use super::functions::TEXT_MAX;
use super::module::loc;
use super::value::{Evaluated, Val};
use crate::import::context::Cx;
use crate::span::Loc;
use hcl_edit::template::{Directive, Element, Strip, Template};

/// Which ends of a template lose their white space to the marks of what encloses it.
#[derive(Clone, Copy, Default)]
struct Trim {
    start: bool,
    end: bool,
}

impl<'m> World<'m> {
    /// The text of a template. One that a condition or collection decides that is not known is not known
    /// as a whole; an interpolation that is not known gets a text in its place.
    pub(super) fn template<'e>(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        elements: impl Iterator<Item = &'e Element>,
        place: Loc,
    ) -> Evaluated<'m> {
        self.elements(cx, env, elements, Trim::default(), place)
    }

    fn part(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        template: &Template,
        trim: Trim,
        place: Loc,
    ) -> Evaluated<'m> {
        self.elements(cx, env, template.iter(), trim, place)
    }

    fn elements<'e>(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        elements: impl Iterator<Item = &'e Element>,
        trim: Trim,
        place: Loc,
    ) -> Evaluated<'m> {
        let all: Vec<&Element> = elements.collect();
        let mut out = String::new();
        for (at, element) in all.iter().enumerate() {
            let value = match element {
                Element::Literal(text) => {
                    let before = at.checked_sub(1).and_then(|at| all.get(at));
                    let start = before.map_or(trim.start, |element| strips_after(element));
                    let end = all.get(at + 1).map_or(trim.end, |element| strips_before(element));
                    let text = if start { text.trim_start() } else { text.as_str() };
                    Val::Str(if end { text.trim_end() } else { text }.to_owned())
                }
                Element::Interpolation(inner) => {
                    let value = self.eval(cx, env, &inner.expr)?;
                    Val::Str(self.text(cx, &value, loc(env.file, &inner.expr))?)
                }
                Element::Directive(directive) => self.directive(cx, env, directive, place)?,
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

    fn directive(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        directive: &Directive,
        place: Loc,
    ) -> Evaluated<'m> {
        match directive {
            Directive::If(chosen) => {
                let opening = &chosen.if_expr;
                let condition = self.eval(cx, env, &opening.cond_expr)?;
                if let Some(name) = condition.unknown(cx) {
                    return Ok(Val::Unknown(name));
                }
                let closing = chosen.endif_expr.strip;
                match (condition.truth(), &chosen.else_expr) {
                    (Some(true), other) => {
                        let next = other.as_ref().map_or(closing, |other| other.strip);
                        let trim = Trim { start: after(opening.strip), end: before(next) };
                        self.part(cx, env, &opening.template, trim, place)
                    }
                    (Some(false), Some(other)) => {
                        let trim = Trim { start: after(other.strip), end: before(closing) };
                        self.part(cx, env, &other.template, trim, place)
                    }
                    (Some(false), None) => Ok(Val::Str(String::new())),
                    (None, _) => bad(place, format!("{} is not a boolean", condition.kind())),
                }
            }
            Directive::For(each) => {
                let opening = &each.for_expr;
                let over = self.eval(cx, env, &opening.collection_expr)?;
                if let Val::Unknown(_) = over {
                    return Ok(over);
                }
                let Some(pairs) = over.pairs() else {
                    return bad(place, format!("{} cannot be looped over", over.kind()));
                };
                let key = opening.key_var.as_ref().map(|name| name.as_str());
                let trim =
                    Trim { start: after(opening.strip), end: before(each.endfor_expr.strip) };
                let mut out = String::new();
                for (k, v) in &pairs {
                    let env = env.with([key, Some(opening.value_var.as_str())], k, v);
                    match self.part(cx, &env, &opening.template, trim, place)? {
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
    }
}

/// Whether a mark takes white space away before its element.
fn before(strip: Strip) -> bool {
    matches!(strip, Strip::Start | Strip::Both)
}

/// Whether a mark takes white space away after its element.
fn after(strip: Strip) -> bool {
    matches!(strip, Strip::End | Strip::Both)
}

fn strips_before(element: &Element) -> bool {
    before(match element {
        Element::Literal(_) => Strip::None,
        Element::Interpolation(inner) => inner.strip,
        Element::Directive(directive) => match &**directive {
            Directive::If(chosen) => chosen.if_expr.strip,
            Directive::For(each) => each.for_expr.strip,
        },
    })
}

fn strips_after(element: &Element) -> bool {
    after(match element {
        Element::Literal(_) => Strip::None,
        Element::Interpolation(inner) => inner.strip,
        Element::Directive(directive) => match &**directive {
            Directive::If(chosen) => chosen.endif_expr.strip,
            Directive::For(each) => each.endfor_expr.strip,
        },
    })
}

//! What is within values: attributes, items and splats.

use super::eval::{Env, World, bad};
use super::types;
use super::value::{Evaluated, Seq, Val};
use crate::import::context::Cx;
use crate::span::Loc;
use hcl_edit::expr::TraversalOperator;
use std::rc::Rc;

impl<'m> World<'m> {
    /// A value under attributes, indices and splats.
    pub(super) fn follow(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        value: Val<'m>,
        operators: &[&TraversalOperator],
        place: Loc,
    ) -> Evaluated<'m> {
        let Some((first, rest)) = operators.split_first() else { return Ok(value) };
        let next = match first {
            TraversalOperator::GetAttr(name) => self.attribute(cx, value, name.as_str(), place)?,
            TraversalOperator::Index(index) => {
                let index = self.eval(cx, env, index)?;
                self.index(cx, value, &index, place)?
            }
            TraversalOperator::LegacyIndex(index) => self.index(
                cx,
                value,
                &Val::count(usize::try_from(**index).unwrap_or(usize::MAX)),
                place,
            )?,
            TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => {
                // `x.*.a[0]` is an item of the list that `x.*.a` gives; `x[*].a[0]` is a list.
                let attributes =
                    |op: &&&TraversalOperator| matches!(op, TraversalOperator::GetAttr(_));
                let own = match first {
                    TraversalOperator::AttrSplat(_) => rest.iter().take_while(attributes).count(),
                    _ => rest.len(),
                };
                let (rest, after) = rest.split_at(own);
                let (kind, items) = match value {
                    Val::List(kind, items) => (kind, items),
                    Val::Null => (Seq::Tuple, Vec::new()),
                    value @ Val::Unknown(_) => return Ok(value),
                    value => (Seq::Tuple, vec![value]),
                };
                let all = items.into_iter().map(|item| self.follow(cx, env, item, rest, place));
                let all: Vec<Val<'m>> = all.collect::<Result<_, _>>()?;
                let list = match kind {
                    Seq::Tuple => Val::tuple(all),
                    // Of items of one type, what they have is of one type too.
                    Seq::List(_) | Seq::Set(_) => match types::common(&all, "the list") {
                        Ok(ty) => Val::List(Seq::List(Rc::new(ty)), all),
                        Err(why) => return bad(place, why),
                    },
                };
                return self.follow(cx, env, list, after, place);
            }
        };
        self.follow(cx, env, next, rest, place)
    }

    fn attribute(&self, cx: &mut Cx<'_>, value: Val<'m>, name: &str, place: Loc) -> Evaluated<'m> {
        match value {
            Val::Map(_, mut all) => match all.remove(name) {
                Some(value) => Ok(value),
                None => bad(place, format!("the value has no attribute `{name}`")),
            },
            Val::Res(resource) => self.resource_attribute(cx, &resource, name),
            Val::Unknown(known) => Ok(Val::Unknown(format!("{known}.{name}"))),
            value => bad(place, format!("{} has no attribute `{name}`", value.kind())),
        }
    }

    fn index(&self, cx: &mut Cx<'_>, value: Val<'m>, index: &Val<'m>, place: Loc) -> Evaluated<'m> {
        if let Some(name) = index.unknown(cx) {
            return Ok(Val::Unknown(name));
        }
        match &value {
            Val::List(Seq::Set(_), _) => {
                bad(place, "a set has no items by index; make a list of it")
            }
            Val::List(_, items) => match index.index().and_then(|at| items.get(at)) {
                Some(item) => Ok(item.clone()),
                None => bad(place, format!("the list has {} items", items.len())),
            },
            Val::Map(..) | Val::Res(_) => match index.text() {
                Some(key) => self.attribute(cx, value, &key, place),
                None => bad(place, format!("{} is no key", index.kind())),
            },
            Val::Unknown(name) => {
                Ok(Val::Unknown(format!("{name}[{}]", index.text().unwrap_or_default())))
            }
            value => bad(place, format!("{} has no items", value.kind())),
        }
    }
}

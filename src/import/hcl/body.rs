//! Bodies of blocks as trees with places: attributes, blocks as lists, dynamic blocks written out.

use super::eval::{Env, World, bad};
use super::module::{Declared, loc, name_of};
use super::value::{Bad, Val};
use crate::import::context::Cx;
use crate::import::tree::{Entry, Node, Value};
use crate::span::Loc;
use hcl_edit::structure::{Block, Body, Structure};
use std::collections::BTreeMap;

/// Arguments of Terraform itself, which every resource may have.
const META: [&str; 4] = ["count", "for_each", "provider", "depends_on"];
/// Blocks of Terraform itself.
const META_BLOCKS: [&str; 4] = ["lifecycle", "provisioner", "connection", "timeouts"];

impl<'m> World<'m> {
    /// The values of a resource, as `terraform show -json` would list them.
    pub(super) fn whole(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        declared: &Declared,
    ) -> Result<Node, Bad> {
        let mut entries = Vec::new();
        for (file, body) in &declared.parts {
            let env = Env { file: *file, ..env.clone() };
            self.members(cx, &env, body, true, &mut entries)?;
        }
        Ok(Node { loc: declared.loc, value: Value::Map(entries) })
    }

    fn body(&self, cx: &mut Cx<'_>, env: &Env<'m>, body: &Body) -> Result<Node, Bad> {
        let mut entries = Vec::new();
        self.members(cx, env, body, false, &mut entries)?;
        Ok(Node { loc: loc(env.file, body), value: Value::Map(entries) })
    }

    fn members(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        body: &Body,
        outer: bool,
        entries: &mut Vec<Entry>,
    ) -> Result<(), Bad> {
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => {
                    let key = attribute.key.to_string();
                    if outer && META.contains(&key.as_str()) {
                        continue;
                    }
                    let place = loc(env.file, &attribute.value);
                    let node = self.eval(cx, env, &attribute.value)?.node(cx, place);
                    let at = loc(env.file, &attribute.key);
                    if node.value != Value::Null {
                        entries.push(Entry { key, at, node });
                    }
                }
                Structure::Block(block) => self.block(cx, env, block, outer, entries)?,
            }
        }
        Ok(())
    }

    /// The blocks of a name of a resource, as a list; `None` if there are none.
    pub(super) fn blocks(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        declared: &Declared,
        name: &str,
    ) -> Result<Option<Node>, Bad> {
        let mut entries: Vec<Entry> = Vec::new();
        for (file, body) in &declared.parts {
            let env = Env { file: *file, ..env.clone() };
            for block in body.blocks().filter(|block| name_of(block) == name) {
                self.block(cx, &env, block, false, &mut entries)?;
            }
        }
        Ok(entries.pop().map(|entry| entry.node))
    }

    fn block(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        block: &Block,
        outer: bool,
        entries: &mut Vec<Entry>,
    ) -> Result<(), Bad> {
        let name = block.ident.as_str();
        if outer && META_BLOCKS.contains(&name) {
            return Ok(());
        }
        let place = loc(env.file, block);
        let at = loc(env.file, &block.ident);
        let (name, dynamic) = (name_of(block), name != name_of(block));
        let nodes = match dynamic {
            true => self.dynamic(cx, env, name, block, place)?,
            false => vec![self.body(cx, env, &block.body)?],
        };
        let nodes: Vec<Node> = nodes.into_iter().map(|node| Node { loc: place, ..node }).collect();
        match entries.iter_mut().find(|entry| entry.key == name) {
            Some(Entry { node: Node { value: Value::List(known), .. }, .. }) => known.extend(nodes),
            _ => entries.push(Entry { key: name.to_owned(), at, node: Node::list(place, nodes) }),
        }
        Ok(())
    }

    /// The blocks that a dynamic one stands for.
    fn dynamic(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        name: &str,
        block: &Block,
        place: Loc,
    ) -> Result<Vec<Node>, Bad> {
        let Some(each) = block.body.get_attribute("for_each") else {
            return bad(place, "this dynamic block has no for_each");
        };
        let Some(content) = block.body.get_blocks("content").next() else {
            return bad(place, "this dynamic block has no content");
        };
        // JSON writes the name as a text.
        let iterator = block.body.get_attribute("iterator").and_then(|attribute| {
            let value = &attribute.value;
            value.as_variable().map(|variable| variable.as_str()).or_else(|| value.as_str())
        });
        let iterator = iterator.unwrap_or(name);
        let over = self.eval(cx, env, &each.value)?;
        let at = loc(env.file, &each.value);
        let pairs = match &over {
            Val::Unknown(unknown) => {
                cx.variable(unknown, at);
                Vec::new()
            }
            Val::Null => Vec::new(),
            value => match value.pairs() {
                Some(pairs) => pairs,
                None => return bad(at, format!("{} cannot be looped over", value.kind())),
            },
        };
        let mut nodes = Vec::new();
        for (key, value) in pairs {
            let mut env = env.clone();
            let both = BTreeMap::from([("key".to_owned(), key), ("value".to_owned(), value)]);
            env.vars.push((iterator.to_owned(), Val::object(both)));
            nodes.push(self.body(cx, &env, &content.body)?);
        }
        Ok(nodes)
    }
}

//! The functions of HCL that compute with numbers and that convert values.

use super::functions::{Outcome, int, is_there, list, number, text, uniform};
use super::number::Num;
use super::types::{Type, common, converted};
use super::value::Val;
use num_bigint::BigInt;
use std::rc::Rc;

pub(super) fn numbers<'m>(name: &str, args: &[Val<'m>]) -> Outcome<'m> {
    let first = args.first();
    let one = |change: fn(&Num) -> Num| number(first).map(|n| Val::Num(change(&n)));
    let large = || "the number is too large".to_owned();
    let several = |all: &[Val<'m>]| -> Result<Vec<Num>, String> {
        all.iter().map(|arg| number(Some(arg))).collect()
    };
    let picked = |pick: fn(Num, Num) -> Num| {
        let found = several(args)?.into_iter().reduce(pick);
        found.map(Val::Num).ok_or_else(|| "there are no numbers".to_owned())
    };
    let float = |found: f64| Num::of(found).map(Val::Num).ok_or_else(large);
    Some(match name {
        "floor" => one(Num::floor),
        "ceil" => one(Num::ceil),
        "abs" => one(|n| if *n < Num::from(0) { n.negated() } else { n.clone() }),
        "signum" => int(first).map(|n| Val::Num(Num::whole(BigInt::from(n.signum())))),
        "min" => picked(|a, b| if b < a { b } else { a }),
        "max" => picked(|a, b| if b > a { b } else { a }),
        "sum" => list(first).and_then(|items| {
            let all = several(&items)?;
            let (first, rest) = all.split_first().ok_or("there are no numbers")?;
            let sum = rest.iter().try_fold(first.clone(), |sum, next| sum.plus(next));
            sum.map(Val::Num).ok_or_else(large)
        }),
        "pow" => {
            number(first).and_then(|base| float(base.float().powf(number(args.get(1))?.float())))
        }
        "log" => {
            number(first).and_then(|of| float(of.float().ln() / number(args.get(1))?.float().ln()))
        }
        "parseint" => (|| {
            let (written, base) = (text(first)?, int(args.get(1))?);
            let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base));
            let base = base.ok_or("the base is not one of 2 to 36")?;
            let found =
                BigInt::parse_bytes(written.as_bytes(), base).filter(|_| !written.contains('_'));
            let found = found.ok_or_else(|| format!("`{written}` is not a whole number"))?;
            Ok(Val::Num(Num::whole(found)))
        })(),
        _ => return None,
    })
}

pub(super) fn conversions<'m>(name: &str, args: &[Val<'m>]) -> Outcome<'m> {
    let first = args.first();
    let to = |ty: &Type| match first {
        Some(value) => converted(value.clone(), ty),
        None => Err("an argument is missing".to_owned()),
    };
    let any = || Rc::new(Type::Any);
    Some(match name {
        "tostring" => to(&Type::Str),
        "tonumber" => to(&Type::Num),
        "tobool" => to(&Type::Bool),
        "tolist" => to(&Type::List(any())),
        "toset" => to(&Type::Set(any())),
        "tomap" => to(&Type::Map(any())),
        // As Terraform 0.11 had it.
        "list" => uniform(args.to_vec()),
        "sensitive" | "nonsensitive" => to(&Type::Any),
        "coalesce" => (|| {
            let common = common(args, "the arguments")?;
            let found = args.iter().find(|value| is_there(value));
            converted(found.cloned().ok_or("every value is empty")?, &common)
        })(),
        "coalescelist" => {
            let there =
                |value: &&Val<'_>| matches!(value, Val::List(_, items) if !items.is_empty());
            args.iter().find(there).cloned().ok_or_else(|| "every list is empty".to_owned())
        }
        _ => return None,
    })
}

//! The language: which filters, tests and functions there are, and the bounds of an evaluation.
//!
//! The set is closed and listed here. Filters whose result can be much larger than what goes in are our own, with a
//! bound; nothing can set a variable, include a file or define a macro.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, filters, functions, tests,
};

use super::{MAX_RESULT, values};

/// How many instructions one evaluation may take.
const FUEL: u64 = 2_000_000;

/// The filters that there are.
pub(super) const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "groupby",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "zip",
];
/// The tests that there are, as in `x is defined`.
pub(super) const TESTS: &[&str] = &[
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "even",
    "false",
    "float",
    "ge",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "true",
    "undefined",
    "upper",
];

/// Shared by all evaluations.
pub(super) static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(100);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(format_as_text);
    let mut syntax = SyntaxConfig::builder();
    if let Ok(syntax) = syntax.keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    add_filters(&mut environment);
    add_tests(&mut environment);
    environment.add_function("range", functions::range);
    environment.add_function("dict", functions::dict);
    environment
});

fn add_filters(environment: &mut Environment<'static>) {
    environment.add_filter("abs", filters::abs);
    environment.add_filter("attr", filters::attr);
    environment.add_filter("bool", filters::bool);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("chain", filters::chain);
    environment.add_filter("count", filters::length);
    environment.add_filter("d", filters::default);
    environment.add_filter("default", filters::default);
    environment.add_filter("dictsort", filters::dictsort);
    environment.add_filter("first", filters::first);
    environment.add_filter("float", filters::float);
    environment.add_filter("groupby", filters::groupby);
    environment.add_filter("int", filters::int);
    environment.add_filter("items", filters::items);
    environment.add_filter("join", join);
    environment.add_filter("last", filters::last);
    environment.add_filter("length", filters::length);
    environment.add_filter("lines", filters::lines);
    environment.add_filter("list", filters::list);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("map", filters::map);
    environment.add_filter("max", filters::max);
    environment.add_filter("min", filters::min);
    environment.add_filter("reject", filters::reject);
    environment.add_filter("rejectattr", filters::rejectattr);
    environment.add_filter("replace", replace);
    environment.add_filter("reverse", filters::reverse);
    environment.add_filter("round", filters::round);
    environment.add_filter("select", filters::select);
    environment.add_filter("selectattr", filters::selectattr);
    environment.add_filter("sort", filters::sort);
    environment.add_filter("split", filters::split);
    environment.add_filter("string", string);
    environment.add_filter("sum", sum);
    environment.add_filter("title", filters::title);
    environment.add_filter("tojson", to_json);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("unique", filters::unique);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("zip", filters::zip);
}

fn add_tests(environment: &mut Environment<'static>) {
    environment.add_test("boolean", tests::is_boolean);
    environment.add_test("defined", tests::is_defined);
    environment.add_test("divisibleby", tests::is_divisibleby);
    environment.add_test("endingwith", tests::is_endingwith);
    environment.add_test("eq", tests::is_eq);
    environment.add_test("even", tests::is_even);
    environment.add_test("false", tests::is_false);
    environment.add_test("float", tests::is_float);
    environment.add_test("ge", tests::is_ge);
    environment.add_test("gt", tests::is_gt);
    environment.add_test("in", tests::is_in);
    environment.add_test("integer", tests::is_integer);
    environment.add_test("iterable", tests::is_iterable);
    environment.add_test("le", tests::is_le);
    environment.add_test("lower", tests::is_lower);
    environment.add_test("lt", tests::is_lt);
    environment.add_test("mapping", tests::is_mapping);
    environment.add_test("ne", tests::is_ne);
    environment.add_test("none", tests::is_none);
    environment.add_test("number", tests::is_number);
    environment.add_test("odd", tests::is_odd);
    environment.add_test("sequence", tests::is_sequence);
    environment.add_test("startingwith", tests::is_startingwith);
    environment.add_test("string", tests::is_string);
    environment.add_test("true", tests::is_true);
    environment.add_test("undefined", tests::is_undefined);
    environment.add_test("upper", tests::is_upper);
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// Text is itself, null is nothing, and lists and objects are JSON.
fn format_as_text(output: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let written = match value.as_str() {
        Some(text) => output.write_str(text),
        None => output.write_str(&as_text(value)?),
    };
    written.map_err(|error| Error::new(ErrorKind::WriteFailure, error.to_string()))
}

fn as_text(value: &Value) -> Result<String, Error> {
    Ok(match value.kind() {
        ValueKind::Undefined => return Err(ErrorKind::UndefinedError.into()),
        ValueKind::None => String::new(),
        ValueKind::String => value.as_str().unwrap_or_default().to_owned(),
        ValueKind::Bool => if value.is_true() { "true" } else { "false" }.to_owned(),
        ValueKind::Number => value.to_string(),
        _ => values::to_json(value, &mut MAX_RESULT.clone()).map_err(invalid)?.to_string(),
    })
}

fn string(value: &Value) -> Result<String, Error> {
    as_text(value)
}

/// JSON text; with `indent=true` over several lines.
#[allow(clippy::needless_pass_by_value, reason = "minijinja hands it over")]
fn to_json(value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    let pretty = kwargs.get::<Option<bool>>("indent")?.unwrap_or(false);
    kwargs.assert_all_used()?;
    let json = values::to_json(value, &mut MAX_RESULT.clone()).map_err(invalid)?;
    Ok(if pretty { format!("{json:#}") } else { json.to_string() })
}

fn too_long() -> Error {
    invalid(format!("the text grows past {} MiB", MAX_RESULT >> 20))
}

fn replace(value: &Value, from: &str, to: &str) -> Result<String, Error> {
    let text = as_text(value)?;
    let more = to.len().saturating_sub(from.len());
    if more > 0 && text.matches(from).count().saturating_mul(more).saturating_add(text.len()) > MAX_RESULT {
        return Err(too_long());
    }
    Ok(text.replace(from, to))
}

/// The items as text, with `joiner` between; with `attribute=NAME` that attribute of each.
#[allow(clippy::needless_pass_by_value, reason = "minijinja hands it over")]
fn join(value: &Value, joiner: Option<&str>, kwargs: Kwargs) -> Result<String, Error> {
    let joiner = joiner.unwrap_or_default();
    let attribute: Option<&str> = kwargs.get("attribute")?;
    kwargs.assert_all_used()?;
    let mut result = String::new();
    for (index, item) in value.try_iter()?.enumerate() {
        if index > 0 {
            result.push_str(joiner);
        }
        let item = match attribute {
            Some(attribute) => item.get_attr(attribute)?,
            None => item,
        };
        match item.as_str() {
            Some(text) => result.push_str(text),
            None => result.push_str(&as_text(&item)?),
        }
        if result.len() > MAX_RESULT {
            return Err(too_long());
        }
    }
    Ok(result)
}

/// The sum of numbers; with `attribute=NAME` of that attribute of each.
#[allow(clippy::needless_pass_by_value, reason = "minijinja hands it over")]
fn sum(value: &Value, kwargs: Kwargs) -> Result<Value, Error> {
    let attribute: Option<&str> = kwargs.get("attribute")?;
    kwargs.assert_all_used()?;
    let (mut whole, mut fraction, mut is_whole) = (0_i64, 0.0, true);
    for item in value.try_iter()? {
        let item = match attribute {
            Some(attribute) => item.get_attr(attribute)?,
            None => item,
        };
        match (i64::try_from(item.clone()), f64::try_from(item.clone())) {
            (Ok(number), _) if item.is_integer() => {
                whole = whole.checked_add(number).ok_or_else(|| invalid("the sum is too large a number"))?;
            }
            (_, Ok(number)) if item.is_number() => {
                fraction += number;
                is_whole = false;
            }
            _ => return Err(invalid(format!("only numbers can be summed, not a {}", item.kind()))),
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "the sum is a fraction anyway")]
    let sum = if is_whole { Value::from(whole) } else { Value::from(whole as f64 + fraction) };
    Ok(sum)
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    fn render(source: &str) -> Result<String, Error> {
        let environment: &Environment<'_> = &ENVIRONMENT;
        environment.render_str(source, ())
    }

    #[test]
    fn what_is_listed_is_there() {
        for name in FILTERS {
            let error = render(&format!("{{{{ []|{name} }}}}"));
            assert!(!matches!(error, Err(error) if error.kind() == ErrorKind::UnknownFilter), "{name}");
        }
        for name in TESTS {
            let error = render(&format!("{{{{ 1 is {name} }}}}"));
            assert!(!matches!(error, Err(error) if error.kind() == ErrorKind::UnknownTest), "{name}");
        }
    }
}

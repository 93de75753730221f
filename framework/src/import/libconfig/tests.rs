//! Texts in, values or the line of the error out.

use super::*;

fn group(settings: &[(&str, Value)]) -> Vec<(String, Value)> {
    settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn read(text: &str) -> Vec<(String, Value)> {
    parse(text).unwrap().into_iter().map(|setting| (setting.name, setting.value)).collect()
}

#[test]
fn scalars_of_every_sort_are_read() {
    let text = "a = 1; b : 0xff\nc = -2L, d = 1.5e3; e = TRUE\nf = \"x\\n\\\"y\\x41\" \"z\";";
    let expected = [
        ("a", Value::Integer(1)),
        ("b", Value::Integer(255)),
        ("c", Value::Integer(-2)),
        ("d", Value::Float(1500.0)),
        ("e", Value::Bool(true)),
        ("f", Value::Text("x\n\"yAz".into())),
    ];
    assert_eq!(read(text), group(&expected));
}

#[test]
fn groups_lists_comments_and_surplus_commas_are_read() {
    let text = "# first\nversion = \"1\"; // second\nm: ( { t: \"a\", f: ( {n: 1,}, {n: 2}, ) }, ) /* third\n */ e = [];";
    let settings = read(text);
    assert_eq!(settings[0].1, Value::Text("1".into()));
    let tables = settings[1].1.as_list().unwrap();
    let fields = tables[0].as_group().unwrap()[1].value.as_list().unwrap();
    assert_eq!(fields.len(), 2);
    assert_eq!(settings[2].1, Value::List(Vec::new()));
}

#[test]
fn what_does_not_fit_is_named_with_its_line() {
    for (text, line, part) in [
        ("a = 1;\nb 2;", 2, "expected `=` after b"),
        ("a = {\nb = 1;\n", 3, "a `}` is missing"),
        ("a = (1, 2", 1, "a `)` is missing"),
        ("a = (1 2)", 1, "expected `,`"),
        ("\na = word;", 2, "`word` is no value"),
        ("a = \"x\n", 1, "a string that does not end"),
        ("/* x\n", 1, "a comment that does not end"),
        ("@include \"x\"", 1, "expected the name of a setting"),
        ("a = \"\\q\"", 1, "escape"),
        ("a = nan", 1, "is no value"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.message.contains(part), "{text}: {error}");
    }
}

#[test]
fn depth_has_a_bound() {
    let text = format!("a = {}", "(".repeat(100_000));
    assert!(parse(&text).unwrap_err().message.contains("within each other"));
    let text = "a = {".repeat(100_000);
    assert!(parse(&text).unwrap_err().message.contains("within each other"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC*") {
        drop(parse(&text));
    }

    #[test]
    fn anything_like_a_file_is_answered(text in "([a-z]{1,3}|[={}()\\[\\];,:#/*\"\\\\ \n]|[0-9xL.-]{1,3}){0,40}") {
        drop(parse(&text));
    }
}

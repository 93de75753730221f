// A strict reader of JSON (RFC 8259) for Gopher.java; the standard library has none.
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Objects become Maps, arrays Lists, numbers Longs where they fit and Doubles elsewhere, literals Booleans and null. */
final class GopherJson {
    private static final int MAX_DEPTH = 64;
    private static final Pattern NUMBER = Pattern.compile("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?");

    private final String text;
    private int at;
    private int depth;

    private GopherJson(String text) {
        this.text = text;
    }

    /** The value of a document; IllegalArgumentException says where it is wrong. */
    static Object parse(String text) {
        GopherJson reader = new GopherJson(text);
        Object value = reader.value();
        reader.space();
        if (reader.at < text.length()) {
            throw reader.wrong("the end");
        }
        return value;
    }

    private Object value() {
        space();
        if (at == text.length()) {
            throw wrong("a value");
        }
        switch (text.charAt(at)) {
            case '{':
                return nested(this::object);
            case '[':
                return nested(this::array);
            case '"':
                return string();
            case 't':
                return literal("true", true);
            case 'f':
                return literal("false", false);
            case 'n':
                return literal("null", null);
            default:
                return number();
        }
    }

    private Object nested(java.util.function.Supplier<Object> container) {
        if (++depth > MAX_DEPTH) {
            throw wrong("no more than " + MAX_DEPTH + " levels");
        }
        at++;
        Object value = container.get();
        depth--;
        return value;
    }

    private Map<String, Object> object() {
        Map<String, Object> members = new LinkedHashMap<>();
        if (skip('}')) {
            return members;
        }
        do {
            space();
            String key = string();
            expect(':');
            members.put(key, value());
        } while (skip(','));
        expect('}');
        return members;
    }

    private List<Object> array() {
        List<Object> elements = new ArrayList<>();
        if (skip(']')) {
            return elements;
        }
        do {
            elements.add(value());
        } while (skip(','));
        expect(']');
        return elements;
    }

    private String string() {
        expect('"');
        StringBuilder value = new StringBuilder();
        while (at < text.length() && text.charAt(at) != '"') {
            char next = text.charAt(at++);
            if (next < ' ') {
                throw wrong("no bare control character");
            }
            value.append(next == '\\' ? escaped() : next);
        }
        if (at == text.length()) {
            throw wrong("a closing quote");
        }
        at++;
        return value.toString();
    }

    private char escaped() {
        int escape = at < text.length() ? "\"\\/bfnrtu".indexOf(text.charAt(at)) : -1;
        if (escape < 0) {
            throw wrong("an escape");
        }
        at++;
        if (escape < 8) {
            return "\"\\/\b\f\n\r\t".charAt(escape);
        }
        String digits = text.substring(at, Math.min(at + 4, text.length()));
        if (!digits.matches("[0-9a-fA-F]{4}")) {
            throw wrong("four hexadecimal digits");
        }
        at += 4;
        return (char) Integer.parseInt(digits, 16);
    }

    private Object number() {
        Matcher number = NUMBER.matcher(text).region(at, text.length());
        if (!number.lookingAt()) {
            throw wrong("a value");
        }
        at = number.end();
        if (number.group(2) == null && number.group(3) == null) {
            try {
                return Long.valueOf(number.group());
            } catch (NumberFormatException tooLong) {
                return Double.valueOf(number.group());
            }
        }
        return Double.valueOf(number.group());
    }

    private Object literal(String word, Object value) {
        if (!text.startsWith(word, at)) {
            throw wrong("a value");
        }
        at += word.length();
        return value;
    }

    private void space() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private boolean skip(char wanted) {
        space();
        boolean there = at < text.length() && text.charAt(at) == wanted;
        if (there) {
            at++;
        }
        return there;
    }

    private void expect(char wanted) {
        if (!skip(wanted)) {
            throw wrong("'" + wanted + "'");
        }
    }

    private IllegalArgumentException wrong(String expected) {
        return new IllegalArgumentException("JSON: " + expected + " is wanted at character " + at);
    }
}

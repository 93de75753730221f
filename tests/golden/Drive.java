// Writes the rows of the golden cases on stdin with Gopher.java.
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

final class Drive {
    public static void main(String[] arguments) throws Exception {
        String cases = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        Gopher probe = new Gopher("golden", Map.of());
        List<Object> fields = new ArrayList<>();
        String table = "";
        for (String step : cases.split("\n")) {
            int blank = step.indexOf(' ');
            String word = blank < 0 ? step : step.substring(0, blank);
            String text = step.substring(blank + 1);
            if (word.equals("row")) {
                table = text;
                fields.clear();
            } else if (word.equals("line")) {
                probe.row(table, fields.toArray());
            } else if (!word.isEmpty() && !word.equals("#")) {
                fields.add(value(word, text));
            }
        }
        probe.flush();
    }

    private static Object value(String type, String text) {
        switch (type) {
            case "text":
                return text.translateEscapes();
            case "uint":
                return new java.math.BigInteger(text);
            case "int":
                return Long.valueOf(text);
            case "float":
                return Double.valueOf(text);
            case "histogram":
                return histogram(text.split(" "));
            default:
                return null;
        }
    }

    private static String histogram(String[] words) {
        int buckets = Integer.parseInt(words[0]);
        double[] bounds = new double[buckets];
        long[] counts = new long[buckets];
        for (int index = 0; index < buckets; index++) {
            String bound = words[1 + 2 * index];
            bounds[index] = bound.equals("+Inf") ? Double.POSITIVE_INFINITY : Double.parseDouble(bound);
            counts[index] = Long.parseLong(words[2 + 2 * index]);
        }
        return Gopher.histogram(bounds, counts, Double.parseDouble(words[words.length - 2]),
                Double.parseDouble(words[words.length - 1]));
    }
}

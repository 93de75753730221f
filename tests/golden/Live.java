// A small probe on Gopher.java for tests of the contract; with the argument "json" it judges JSON documents instead.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;

final class Live {
    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0) {
            judge();
            return;
        }
        Gopher probe = new Gopher("golden", Map.of("report_period", 5, "word", "plain"));
        int rows = 0;
        while (probe.await()) {
            if (probe.param("word").equals("unsupported")) {
                Gopher.unsupported("this word cannot be said here");
            }
            rows++;
            String items = (probe.on("first") ? "first," : "") + (probe.on("second") ? "second," : "");
            probe.row("live", "java", items, probe.param("word"), rows);
            probe.event("live", "java", "rows", null, null, null, null, null, null, "INFO", 9, "a row | was written");
        }
    }

    /** Says of each document on stdin, one a line, what it is: "good" and its text form, or "bad". */
    private static void judge() throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            try {
                System.out.println(("good " + GopherJson.parse(line)).replace('\n', ' '));
            } catch (IllegalArgumentException wrong) {
                System.out.println("bad");
            }
        }
    }
}

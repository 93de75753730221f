// The probe contract (protocol 1) for Java 11 and newer, with the standard library alone.
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * One probe: its rows, its configuration and its periods.
 *
 * <pre>{@code
 * Gopher probe = new Gopher("heap", Map.of("report_period", 5));
 * while (probe.await()) {
 *     probe.row("heap", "used", Runtime.getRuntime().totalMemory());
 * }
 * }</pre>
 *
 * {@link #await} applies and answers the configuration that the agent sends on stdin and returns true when a period
 * begins: at once after a change, then every {@code report_period} seconds. It returns false when the probe is to
 * stop: stdin was closed, SIGTERM came, or nobody reads stdout any more. A probe ends by returning from main.
 */
public final class Gopher {
    private static final int MAX_LINE = 64 * 1024;
    private static final double EXACT = 1L << 53;
    private static final String STOP = "";

    private final String name;
    private final Map<String, Object> defaults;
    private final BlockingQueue<String> lines = new ArrayBlockingQueue<>(16);
    private final OutputStream output = new FileOutputStream(FileDescriptor.out);
    private final StringBuilder gathered = new StringBuilder();
    private Map<String, Object> params;
    private Set<Object> items = Set.of();
    private Map<String, Object> scope = Map.of();
    private boolean running;
    private boolean greeted;
    private volatile boolean stopped;
    private long due;

    /** A probe by its name in the manifest, and its parameters with the manifest's defaults. */
    public Gopher(String name, Map<String, ?> defaults) {
        this.name = name;
        this.defaults = new LinkedHashMap<>(defaults);
        this.params = this.defaults;
        Thread reader = new Thread(this::readLines, "configuration");
        reader.setDaemon(true);
        reader.start();
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> terminate(main), "stop"));
    }

    /** A parameter: a String, a Number or a List. */
    public Object param(String key) {
        return params.get(key);
    }

    /** True when the item is on. */
    public boolean on(String item) {
        return items.contains(item);
    }

    /** Whom to observe: all, processes, containers. */
    public Map<String, Object> scope() {
        return scope;
    }

    /** Gathers one row; null is absent, and then the table keeps its last value. */
    public void row(String table, Object... fields) {
        StringBuilder line = new StringBuilder("|").append(encode(table)).append('|');
        for (Object field : fields) {
            line.append(encode(field)).append('|');
        }
        line.append('\n');
        if (line.length() > MAX_LINE || line.toString().getBytes(StandardCharsets.UTF_8).length > MAX_LINE) {
            System.err.println("a row of table " + table + " has over " + MAX_LINE + " bytes and was not written");
            return;
        }
        gathered.append(line);
        if (gathered.length() >= MAX_LINE) {
            flush();
        }
    }

    /** Gathers one event; its 12 fields are those of the protocol. */
    public void event(Object... fields) {
        if (fields.length != 12) {
            throw new IllegalArgumentException("an event has 12 fields, not " + fields.length);
        }
        row("event", fields);
    }

    /** Writes the gathered rows. */
    public void flush() {
        byte[] data = gathered.toString().getBytes(StandardCharsets.UTF_8);
        gathered.setLength(0);
        try {
            output.write(data);
        } catch (IOException nobodyReads) {
            stopped = true;
        }
    }

    /** Waits for the next period; false when the probe is to stop. */
    public boolean await() throws InterruptedException {
        if (!greeted) {
            greeted = true;
            row("ready");
        }
        while (true) {
            flush();
            if (stopped) {
                return false;
            }
            long rest = running ? Math.max(0, due - System.nanoTime()) : Long.MAX_VALUE;
            String line = lines.poll(rest, TimeUnit.NANOSECONDS);
            if (line == null) {
                // A probe that was late does not catch up: periods that have passed are left out.
                due = Math.max(due + period(), System.nanoTime());
                return true;
            }
            read(line);
        }
    }

    /** Ends the probe: it cannot work here, and starting it again would not help. */
    public static void unsupported(String reason) {
        System.err.println(reason);
        Runtime.getRuntime().halt(78);
    }

    /**
     * The value of a histogram field: cumulative counts, one for each of the rising bounds, as the increase since the
     * previous row; the last bound may be infinite.
     */
    public static String histogram(double[] bounds, long[] counts, double sum, double max) {
        if (bounds.length != counts.length || bounds.length == 0) {
            throw new IllegalArgumentException("a histogram has as many counts as bounds, and at least one");
        }
        StringBuilder text = new StringBuilder().append(bounds.length);
        for (int index = 0; index < bounds.length; index++) {
            String bound = bounds[index] == Double.POSITIVE_INFINITY ? "+Inf" : encode(bounds[index]);
            text.append(' ').append(bound).append(' ').append(counts[index]);
        }
        return text.append(' ').append(encode(sum)).append(' ').append(encode(max)).toString();
    }

    /**
     * The text of one field. Null and what is not finite are absent, hence empty; a double that is whole and below 2^53
     * is written as an integer, any other in a form that reads back as the same number.
     */
    public static String encode(Object value) {
        if (value == null) {
            return "";
        }
        if (value instanceof Double || value instanceof Float) {
            double number = ((Number) value).doubleValue();
            if (!Double.isFinite(number)) {
                return "";
            }
            boolean whole = number == Math.rint(number) && Math.abs(number) < EXACT;
            return whole ? Long.toString((long) number) : Double.toString(number);
        }
        String text = value.toString();
        if (text.indexOf('|') < 0 && text.indexOf('\\') < 0 && text.indexOf('\n') < 0) {
            return text;
        }
        return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "\\n");
    }

    private long period() {
        Object seconds = params.get("report_period");
        return (long) (1e9 * (seconds instanceof Number ? ((Number) seconds).doubleValue() : 5));
    }

    private void read(String line) {
        if (line.equals(STOP)) {
            stopped = true;
            return;
        }
        try {
            apply(object(GopherJson.parse(line)));
        } catch (IllegalArgumentException error) {
            System.err.println("a configuration line was refused, the one before stays: " + error.getMessage());
        }
    }

    private void apply(Map<String, Object> config) {
        if (!Long.valueOf(1).equals(config.get("version"))) {
            throw new IllegalArgumentException("version " + config.get("version") + " is not spoken here, only 1");
        }
        Object generation = config.get("generation");
        Object wanted = object(config.get("probes")).get(name);
        List<Object> before = List.of(running, params, items);
        running = wanted != null;
        if (running) {
            Map<String, Object> values = new LinkedHashMap<>(defaults);
            values.putAll(object(object(wanted).get("params")));
            params = values;
            Object on = object(wanted).get("items");
            items = on instanceof List ? new HashSet<>((List<?>) on) : Set.of();
            scope = object(object(wanted).get("scope"));
        }
        long now = System.nanoTime();
        due = before.equals(List.of(running, params, items)) ? Math.min(due, now + period()) : now;
        row("applied", generation);
        flush();
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> object(Object value) {
        if (value == null) {
            return Map.of();
        }
        if (value instanceof Map) {
            return (Map<String, Object>) value;
        }
        throw new IllegalArgumentException("an object is wanted, not " + value);
    }

    /** Runs in a thread of its own: nothing in the standard library waits for stdin with a time. */
    private void readLines() {
        try {
            BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = input.readLine(); line != null; line = input.readLine()) {
                if (!line.isEmpty()) {
                    lines.put(line);
                }
            }
            lines.put(STOP);
        } catch (IOException | InterruptedException error) {
            stopped = true;
            lines.offer(STOP);
        }
    }

    /** Lets main end by itself, and then turns the status of a signal into 0; any other end keeps its status. */
    private void terminate(Thread main) {
        if (!main.isAlive()) {
            return;
        }
        stopped = true;
        lines.offer(STOP);
        try {
            main.join(2000);
        } catch (InterruptedException again) {
            return;
        }
        if (!main.isAlive()) {
            Runtime.getRuntime().halt(0);
        }
    }
}

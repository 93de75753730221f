// Says how busy the host is.
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

final class Main {
    public static void main(String[] arguments) throws InterruptedException, IOException {
        String host = Files.readString(Path.of("/proc/sys/kernel/hostname")).trim();
        Gopher probe = new Gopher("my-probe", Map.of("report_period", 5));
        while (probe.await()) {
            String[] words = Files.readString(Path.of("/proc/loadavg")).split(" ");
            double load1 = Double.parseDouble(words[0]);
            long tasks = Long.parseLong(words[3].split("/")[1]);
            probe.row("my_probe", host, load1, tasks);
        }
    }
}

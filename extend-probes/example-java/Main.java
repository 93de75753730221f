// Says how much memory each pool of its own virtual machine uses.
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.util.Map;

final class Main {
    public static void main(String[] arguments) throws InterruptedException {
        Gopher probe = new Gopher("example-java", Map.of("report_period", 5));
        while (probe.await()) {
            for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans()) {
                probe.row("example_java", pool.getName(), pool.getUsage().getUsed(), pool.getUsage().getCommitted());
            }
        }
    }
}

import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.util.List;

/** A throw-away MongoDB server in memory: java -cp 'DIR/*' Server.java PORT. Prints "ready" and runs until it is killed. */
public class Server {
    public static void main(String[] arguments) throws InterruptedException {
        // The driver asks for the wire version of MongoDB 4.4; the library says 8 by itself.
        MongoVersion version = new MongoVersion() {
            public List<Integer> getVersionArray() {
                return List.of(4, 4, 0);
            }

            public int getWireVersion() {
                return 9;
            }
        };
        new MongoServer(new MemoryBackend().version(version)).bind("127.0.0.1", Integer.parseInt(arguments[0]));
        System.out.println("ready");
        Thread.currentThread().join();
    }
}

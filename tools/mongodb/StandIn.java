import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;

// Says where it listens, and runs until it is killed.
class StandIn {
  public static void main(String[] arguments) {
    MemoryBackend backend = new MemoryBackend();
    backend.enableOplog(); // change streams
    MongoServer server = new MongoServer(backend);
    int port = arguments.length == 0 ? 0 : Integer.parseInt(arguments[0]);
    server.bind("127.0.0.1", port);
    System.out.println("mongodb://127.0.0.1:" + server.getLocalAddress().getPort());
    System.out.flush();
  }
}

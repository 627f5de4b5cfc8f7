import java.util.zip.GZIPOutputStream;

/** Compresses standard input with Java's own gzip stream, as Jib compresses layers. */
public class Gzip {
    public static void main(String[] arguments) throws Exception {
        try (var output = new GZIPOutputStream(System.out)) {
            System.in.transferTo(output);
        }
    }
}

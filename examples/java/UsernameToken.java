import com.sun.xml.ws.api.message.Header;
import com.sun.xml.ws.api.message.Headers;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/**
 * WS-Security UsernameToken 1.0,摘要或明文,作为头块加到一次呼叫上。
 * A WS-Security UsernameToken 1.0, as digest or as text, that is put on one call as a header block.
 *
 * <p>只用 Metro 自身,不需要另外的安全库。不用 SOAPHandler:它会把报文变成 DOM,MTOM 的照片随之变回内嵌的 base64。
 * Metro alone, without a security library. No SOAPHandler: it turns the message into a DOM, and with it photos that were to
 * travel as MTOM parts into base64 again.
 */
final class UsernameToken {
  private static final String OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-";
  private static final String WSSE = OASIS + "wssecurity-secext-1.0.xsd";
  private static final String WSU = OASIS + "wssecurity-utility-1.0.xsd";
  private static final String PROFILE = OASIS + "username-token-profile-1.0";
  private static final String SOAP = "http://schemas.xmlsoap.org/soap/envelope/";
  private static final SecureRandom RANDOM = new SecureRandom();

  private final String username;
  private final String password;
  private final boolean digest;

  UsernameToken(String username, String password, boolean digest) {
    this.username = username;
    this.password = password;
    this.digest = digest;
  }

  /** 每次呼叫都要新的头块:摘要含一次性随机数。Every call needs a header of its own: the digest has a nonce in it. */
  Header header() throws Exception {
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setNamespaceAware(true);
    Document document = factory.newDocumentBuilder().newDocument();
    Element security = document.createElementNS(WSSE, "wsse:Security");
    security.setAttributeNS(SOAP, "soap:mustUnderstand", "1");
    Element token = (Element) security.appendChild(document.createElementNS(WSSE, "wsse:UsernameToken"));
    child(token, WSSE, "wsse:Username", username);
    if (digest) {
      byte[] nonce = new byte[16];
      RANDOM.nextBytes(nonce);
      String created = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
      child(token, WSSE, "wsse:Password", passwordDigest(nonce, created)).setAttribute("Type", PROFILE + "#PasswordDigest");
      child(token, WSSE, "wsse:Nonce", Base64.getEncoder().encodeToString(nonce));
      child(token, WSU, "wsu:Created", created);
    } else {
      child(token, WSSE, "wsse:Password", password).setAttribute("Type", PROFILE + "#PasswordText");
    }
    return Headers.create(security);
  }

  private String passwordDigest(byte[] nonce, String created) throws Exception {
    MessageDigest sha1 = MessageDigest.getInstance("SHA-1");
    sha1.update(nonce);
    sha1.update(created.getBytes(StandardCharsets.UTF_8));
    sha1.update(password.getBytes(StandardCharsets.UTF_8));
    return Base64.getEncoder().encodeToString(sha1.digest());
  }

  private static Element child(Element parent, String namespace, String name, String text) {
    Element made = parent.getOwnerDocument().createElementNS(namespace, name);
    made.setTextContent(text);
    return (Element) parent.appendChild(made);
  }
}

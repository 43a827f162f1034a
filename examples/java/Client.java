import com.sun.xml.ws.developer.WSBindingProvider;
import duijie.exchange._1.Attachment;
import duijie.exchange._1.CaseGrade;
import duijie.exchange._1.CaseKind;
import duijie.exchange._1.CaseSource;
import duijie.exchange._1.CoordinateSystem;
import duijie.exchange._1.FormType;
import duijie.exchange._1.HandOver;
import duijie.exchange._1.HandedOverCase;
import duijie.exchange._1.MessageHeader;
import duijie.exchange._1.PhotoKind;
import duijie.exchange._1.Position;
import duijie.exchange._1.Receipt;
import duijie.urban._1.ExchangeFault;
import duijie.urban._1.InboundForm;
import duijie.urban._1.UrbanExchange;
import duijie.urban._1.UrbanExchangeService;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import javax.xml.datatype.DatatypeFactory;
import javax.xml.datatype.XMLGregorianCalendar;
import javax.xml.ws.BindingProvider;
import javax.xml.ws.Holder;
import javax.xml.ws.soap.MTOMFeature;

/**
 * 网格平台一侧的客户端:移交带照片的案卷、读回执、查询已移交案卷、读类型化错误。
 * A client on the grid platform's side: hand a case over with a photo, read the receipt, query, read the typed fault.
 *
 * <p>用法 usage: java … Client WSDL ENDPOINT PHOTO [digest|text] [mtom|inline]
 *
 * <p>账号取自环境变量,缺省为示例配置的账号。The account is taken from the environment; by default it is the example profile's.
 */
public final class Client {
  private static final ZoneOffset BEIJING = ZoneOffset.ofHours(8);
  private static final String CONTRACT_VERSION = "1.0";
  /** 对接桥以 response 方式给回执时最多等 25 秒。A bridge that answers with the receipt takes up to 25 seconds. */
  private static final int PATIENCE = 40_000;

  private final UrbanExchange urban;
  private final UsernameToken token;
  private final String sender = setting("DUIJIE_SENDER", "wuhu-grid");
  private final String recipient = setting("DUIJIE_RECIPIENT", "wuhu-urban");

  private Client(URL wsdl, String endpoint, String password, boolean digest, boolean mtom) throws Exception {
    UrbanExchangeService service = new UrbanExchangeService(wsdl);
    // 启用 MTOM 后,不小于 1024 字节的照片作为单独部分发送,不做 base64。With MTOM photos of 1024 bytes and more travel as parts, without base64.
    urban = service.getUrbanExchangePort(new MTOMFeature(mtom, 1024));
    BindingProvider port = (BindingProvider) urban;
    port.getRequestContext().put(BindingProvider.ENDPOINT_ADDRESS_PROPERTY, endpoint);
    port.getRequestContext().put("com.sun.xml.ws.connect.timeout", 10_000);
    port.getRequestContext().put("com.sun.xml.ws.request.timeout", PATIENCE);
    token = new UsernameToken(setting("DUIJIE_USERNAME", "grid"), password, digest);
  }

  public static void main(String[] arguments) throws Exception {
    URL wsdl = arguments[0].contains("://") ? new URL(arguments[0]) : Path.of(arguments[0]).toUri().toURL();
    String endpoint = arguments[1];
    Path photo = Path.of(arguments[2]);
    boolean digest = arguments.length < 4 || arguments[3].equals("digest");
    boolean mtom = arguments.length > 4 && arguments[4].equals("mtom");
    Client client = new Client(wsdl, endpoint, setting("DUIJIE_PASSWORD", "grid-demo"), digest, mtom);

    // 1. 移交并读回执。Hand over and read the receipt.
    HandOver handOver = handOver(photo);
    String caseNumber = handOver.getCaseNumber();
    Receipt receipt = client.deliver(handOver);
    System.out.printf(
        "移交 hand-over %s: %s%n", caseNumber, receipt == null ? "acknowledged" : receipt.getOutcome().value());

    // 2. 查询今天移交的案卷,逐页取完。Query the cases handed over today, page by page.
    HandedOverCase found = client.find(caseNumber);
    boolean same =
        found != null
            && Arrays.equals(Files.readAllBytes(photo), found.getHandOver().getAttachments().get(0).getContent());
    System.out.printf(
        "查询 query %s: %s, photo %s%n",
        caseNumber, found == null ? "not found" : found.getState().value(), same ? "as sent" : "differs");

    // 3. 有误的表单得到错误回执,指明字段。A bad form gets an error receipt that names the field.
    HandOver bad = handOver(photo);
    bad.setCategory("x");
    Receipt refused = client.deliver(bad);
    System.out.printf(
        "错误表单 bad form: %s %s %s%n",
        refused.getOutcome().value(), refused.getFault().getCode().value(), refused.getFault().getField());

    // 4. 口令错误得到类型化错误,报文确定未生效。A wrong password gets the typed fault: the message surely had no effect.
    try {
      new Client(wsdl, endpoint, "wrong", digest, mtom).deliver(handOver(photo));
      System.out.println("口令错误 wrong password: no fault");
    } catch (ExchangeFault fault) {
      // 其他异常不是类型化错误:结果不明,以同一标识重发。Any other exception: outcome unknown, send again under the same id.
      System.out.printf("口令错误 wrong password: %s%n", fault.getFaultInfo().getCode().value());
    }
  }

  /** 送出一份移交表单,取回回执;null 表示仅签收。Deliver a hand-over and give back its receipt; null: only acknowledged. */
  private Receipt deliver(HandOver handOver) throws Exception {
    InboundForm form = new InboundForm();
    form.setHandOver(handOver);
    MessageHeader header = header();
    header.setCaseNumber(handOver.getCaseNumber());
    header.setFormType(FormType.HAND_OVER);
    header.setAttempt(1);
    return authenticated().deliverForm(form, header);
  }

  private HandedOverCase find(String caseNumber) throws Exception {
    XMLGregorianCalendar today = moment(LocalDate.now(BEIJING).atStartOfDay().atOffset(BEIJING));
    Holder<List<HandedOverCase>> cases = new Holder<>();
    Holder<String> cursor = new Holder<>();
    Holder<Boolean> more = new Holder<>();
    HandedOverCase found = null;
    do {
      authenticated().queryCases(today, null, cursor.value, 50, cases, cursor, more, header());
      for (HandedOverCase each : cases.value == null ? List.<HandedOverCase>of() : cases.value) {
        if (each.getHandOver().getCaseNumber().equals(caseNumber)) {
          found = each;
        }
      }
    } while (more.value);
    return found;
  }

  /** 服务,已为下一次呼叫备好令牌。The service, with a token for the next call. */
  private UrbanExchange authenticated() throws Exception {
    ((WSBindingProvider) urban).setOutboundHeaders(token.header());
    return urban;
  }

  private MessageHeader header() throws Exception {
    MessageHeader header = new MessageHeader();
    header.setMessageId("urn:uuid:" + UUID.randomUUID());
    header.setSender(sender);
    header.setRecipient(recipient);
    header.setSentAt(now());
    header.setContractVersion(CONTRACT_VERSION);
    return header;
  }

  private static HandOver handOver(Path photo) throws Exception {
    int number = ThreadLocalRandom.current().nextInt(500_000, 1_000_000);
    String day = LocalDate.now(BEIJING).format(DateTimeFormatter.BASIC_ISO_DATE);
    HandOver form = new HandOver();
    form.setCaseNumber(String.format("340202-%s-%06d", day, number));
    form.setSource(CaseSource.GRID_PLATFORM);
    form.setKind(CaseKind.EVENT);
    form.setCategory("01");
    form.setSubcategory("02");
    form.setGrade(CaseGrade.ORDINARY);
    form.setDescription("小区东门外人行道堆放生活垃圾,约两平方米 (Java " + UUID.randomUUID().toString().substring(0, 8) + ")");
    form.setAddress("镜湖区北京路 18 号东门");
    form.setDistrict("340202");
    form.setStreet("340202001");
    form.setCommunity("340202001003");
    form.setCell("340202001003007");
    form.setReportedAt(now());
    form.setReporterName("王秀兰");
    form.setHandedOverAt(now());
    form.setHandedOverBy("城管虚拟账号");
    Position position = new Position();
    position.setX(118.3612);
    position.setY(31.3339);
    position.setSystem(CoordinateSystem.CGCS_2000);
    form.setPosition(position);
    form.getAttachments().add(attachment(photo, PhotoKind.REPORT));
    return form;
  }

  /** 照片。大小和 SHA-256 按原始字节计算,base64 由 JAXB 完成。A photo; size and digest are of the raw bytes, JAXB makes the base64. */
  private static Attachment attachment(Path path, PhotoKind kind) throws Exception {
    byte[] content = Files.readAllBytes(path);
    Attachment attachment = new Attachment();
    attachment.setName(path.getFileName().toString());
    attachment.setMediaType("image/png");
    attachment.setSize(content.length);
    attachment.setSha256(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content)));
    attachment.setKind(kind);
    attachment.setContent(content);
    return attachment;
  }

  private static XMLGregorianCalendar now() throws Exception {
    return moment(OffsetDateTime.now(BEIJING).truncatedTo(ChronoUnit.SECONDS));
  }

  private static XMLGregorianCalendar moment(OffsetDateTime at) throws Exception {
    return DatatypeFactory.newInstance().newXMLGregorianCalendar(at.format(DateTimeFormatter.ISO_OFFSET_DATE_TIME));
  }

  private static String setting(String name, String otherwise) {
    String value = System.getenv(name);
    return value == null || value.isEmpty() ? otherwise : value;
  }
}

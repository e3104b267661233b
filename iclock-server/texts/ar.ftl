# نصوص الصفحات.

skip = انتقل إلى المحتوى
menu = الصفحات
nav-overview = نظرة عامة
nav-terminals = الأجهزة
nav-events = البصمات
nav-people = الأشخاص
nav-reports = التقارير
nav-quarantine = الحجر
nav-unproven = سجلات غير مثبتة
nav-sinks = الوجهات
nav-pushing = أجهزة تتصل
nav-settings = الإعدادات
nav-access = الوصول
nav-api = واجهة البرمجة
log-out = تسجيل الخروج
no-script = يمكن قراءة هذه الصفحات دون جافاسكربت، لكنها لا تتحدث تلقائيا ولا يمكن تغيير شيء.
to-overview = العودة إلى النظرة العامة
login-title = تسجيل الدخول
login-new = لم يضع أحد كلمة مرور بعد. نفذ هذا الأمر على الحاسوب الذي يعمل عليه البرنامج للحصول على رابط:
login-name = الاسم
login-password = كلمة المرور
login-submit = دخول
login-wrong = الاسم أو كلمة المرور خطأ.
welcome-title = ضع كلمة المرور
welcome-text = استخدم 12 حرفا على الأقل. بضع كلمات تتذكرها خير من كلمة تحتاج إلى كتابتها.
welcome-link = الرمز الذي في الرابط
welcome-password = كلمة المرور الجديدة
welcome-again = أعد كتابتها
welcome-submit = حفظ كلمة المرور
welcome-differs = كلمتا المرور مختلفتان.
welcome-old = استخدم هذا الرابط من قبل أو انتهت مدته. اطلب رابطا آخر: iclock-cli access link NAME
welcome-length = كلمة المرور من 12 إلى 256 حرفا.
welcome-name = لا يصلح اسمك كلمة مرور.
never = أبدا
attention-title = يحتاج إلى انتباه
attention-none = لا شيء. كل بصمة في مكانها.
attention-clock-hint = اضبط ساعته: iclock-cli time set
attention-log-hint = أفرغه بعد حفظ كل شيء: iclock-cli clear
attention-unproven-hint = لا يحفظ شيء من سجل لم يثبت. انظر فيه وقرر.
attention-quarantine-hint = لكل منها سبب. أصلح السبب أو ضع علامة بأنه عولج.
attention-pushing-hint = قارن الرقم التسلسلي بالرقم المكتوب على الجهاز ثم اقبله أو ارفضه.
attention-paused-hint = لن يقرأ حتى يستأنف أحدهم تشغيله.
attention-paused-sink-hint = لن يصله شيء حتى يستأنف أحدهم تشغيله.
attention-disk-hint = إذا امتلأ القرص فلن يقرأ شيء جديد. وفر مساحة.
today-title = اليوم
inside = في الداخل
inside-title = الموجودون الآن
search = الاسم أو الرقم التسلسلي أو العنوان
only-bad = المتعطلة فقط
silent-for = صامتة منذ
show = عرض
terminal-name = الجهاز
terminal-doing = يفعل
terminal-fresh = آخر اتصال
terminal-last-punch = آخر بصمة
terminal-log = سجله
terminal-drift = فرق الساعة
terminal-waiting = سجلات تنتظر
terminal-serial = الرقم التسلسلي
terminal-address = العنوان
terminal-days = بصمات آخر 30 يوما
terminal-feed = آخر البصمات
next-page = الصفحة التالية
poll = اقرأ الآن
poll-done = تجري قراءته.
pause = إيقاف مؤقت
pause-done = أوقف مؤقتا.
resume = استئناف
set-clock = اضبط ساعته
set-clock-done = ساعته صحيحة الآن.
held = مستخدموه وسعته
held-title = ما يحتويه { $name }
held-users = المستخدمون
held-fingers = بصمات الأصابع
held-faces = الوجوه
held-records = سجلات الحضور
held-slot = الخانة
held-rights = الصلاحيات
held-group = المجموعة
held-user = مستخدم
held-administrator = مدير
resume-done = استؤنف.
activity-waiting = ينتظر دوره
activity-connecting = يتصل
activity-reading = تجري قراءته
activity-recording = يجري الحفظ
activity-resting = جيد
activity-listening = مباشر
activity-down = لا يمكن الوصول إليه
activity-paused = متوقف مؤقتا
activity-pushing = يتصل بنفسه
activity-busy = مشغول
event-time = الوقت
event-user = رقم المستخدم
event-name = الاسم
event-terminal = الجهاز
event-state = النوع
event-source = المصدر
state-0 = دخول
state-1 = خروج
state-2 = خروج للاستراحة
state-3 = عودة من الاستراحة
state-4 = بدء الإضافي
state-5 = انتهاء الإضافي
state-255 = غير محدد
any = الكل
from = من
to = إلى
export = تصدير كل هذه:
nothing = لا يوجد شيء.
person-events = البصمات
person-first = الأولى
person-last = الأخيرة
person-punches = كل البصمات
previous-month = الشهر السابق
next-month = الشهر التالي
absent = غائب
total-days = الأيام
total-worked = الساعات
total-overtime = الإضافي
total-late = تأخر
total-early = خروج مبكر
total-absent = غياب
total-missing = بصمات ناقصة
day-0 = الاثنين
day-1 = الثلاثاء
day-2 = الأربعاء
day-3 = الخميس
day-4 = الجمعة
day-5 = السبت
day-6 = الأحد
month = الشهر
report-export = كل بصمات هذا الشهر بصيغة CSV
quarantine-text = سجلات قرئت ولم تصدق. لم يضع منها شيء ولم يصل منها شيء إلى أي وجهة.
quarantine-none = لا ينتظر أي سجل.
reason = السبب
record = الرقم
raw = البايتات
orders = إجراء
resolve = عولج
resolve-done = وضعت علامة بأنه عولج.
resolve-note = لماذا عولج هذا السجل؟ لن يصبح بصمة أبدا.
send-again = أعد إرسال المرفوض
send-again-done = يعاد إرسالها.
terminal-readings = آخر القراءات التي جلبت سجلات
reading-time = وقت القراءة
reading-source = الطريقة
replay = أعد الحكم
replay-done = أعيد الحكم على السجلات.
unproven-text = سجلات لم يثبت صحة بايتاتها. لم يحفظ منها شيء، وقد تنجح القراءة التالية.
unproven-none = أثبتت كل السجلات.
bytes = البايتات
seen = شوهد
log-waits = ينتظر
log-title = السجل { $count } من { $name }
log-text = اقبله فقط إذا كانت سجلاته صحيحة. تصبح السجلات السليمة بصمات وتذهب البقية إلى الحجر.
log-layout = كسجلات بالتنسيق { $name }
log-good = سجلات معقولة
log-bad = غير معقولة
log-accept = اقبله بالتنسيق { $name }
log-serial = الرقم التسلسلي للجهاز لقبول سجله:
log-done = تم قبوله.
log-grade = المعقولية
log-none = لا معنى لبايتاته في أي تنسيق معروف.
grade-good = سليم
grade-neutral = غير واضح
grade-bad = مستحيل
accepted = مقبول
sink-name = الوجهة
sink-pending = قيد الانتظار
sink-lag = التأخر
sink-fresh = آخر نجاح
sink-stored = المحفوظ
sink-rejected = المرفوض
sink-held = المحجوز
pushing-text = أجهزة تتصل بهذا الخادم بنفسها. لا يحفظ شيء من جهاز لم يقبل، وهو يحتفظ بسجلاته حتى ذلك الحين.
pushing-waiting = تنتظر القبول
pushing-none = لا ينتظر أي جهاز.
pushing-decided = تقرر أمرها
pushing-state = الحالة
approve = اقبل
approve-done = يقبل عند اتصاله التالي.
deny = ارفض
commands = الأوامر
commands-title = أوامر { $name }
commands-text = ينتظر الأمر حتى يتصل الجهاز. لا يغير أي منها شيئا ما عدا إعادة التشغيل. جميع الأوامر: iclock-cli push command
command = الأمر
command-queued = وقت الإعطاء
command-result = النتيجة
command-info = اسأله عن نفسه
command-upload = اطلب الجديد
command-query = اطلب بصمات فترة مرة أخرى
command-reboot = أعد تشغيله
command-done = ينتظر الاتصال القادم للجهاز.
command-waits = ينتظر
command-sent = أرسل
command-answered = أجيب
command-expired = انتهت مدته
command-unknown = أرسل، ولا يعرف أحد هل نفذ
deny-done = يرفض من الآن.
settings-text = الإعدادات المعمول بها ومصدر كل منها. تغير في الملف، ويعيد البرنامج قراءته عند الطلب.
settings-state = مجلد الحالة
settings-free = المتاح على قرصه
settings-ledger = الدفتر
setting-name = الإعداد
setting-value = القيمة
setting-origin = المصدر
access-text = تنشأ الحسابات والرموز وتلغى بالأمر iclock-cli access. لا تحفظ كلمات المرور ولا الرموز، بل بصماتها فقط.
accounts = الأشخاص
tokens = البرامج
access-name = الاسم
access-role = الدور
access-used = آخر استخدام
access-state = الحالة
access-invited = لم يضع كلمة مرور بعد
access-expires = ينتهي
api-text = تقرأ البرامج ما في هذه الصفحات وأكثر. وصفها للآلات:
ago-seconds = قبل { $count } ث
ago-minutes = قبل { $count } د
ago-hours = قبل { $count } س
silent-hours = { $count ->
    [one] ساعة
    [two] ساعتين
    [few] { $count } ساعات
   *[other] { $count } ساعة
 }
ago-days = { $count ->
    [one] قبل يوم
    [two] قبل يومين
    [few] قبل { $count } أيام
   *[other] قبل { $count } يوما
 }
login-wait = محاولات كثيرة. انتظر { $count } ثانية.
attention-terminal = لا يمكن قراءة { $name }
attention-missing = { $name } لا يتصل أو لا يجيب
attention-paused = { $name } متوقف مؤقتا
attention-paused-sink = { $count ->
   *[other] { $name } متوقف مؤقتا، وعدد البصمات المنتظرة { $count }
 }
attention-clock = ساعة { $name } مختلفة بمقدار { $count } ثانية
attention-log = سجل { $name } ممتلئ بنسبة { $count } ٪
attention-sink = { $count ->
   *[other] { $name } لا يقبل شيئا، وعدد البصمات المنتظرة { $count }
 }
attention-unproven = { $count ->
   *[other] عدد السجلات التي لم تثبت: { $count }
 }
attention-quarantine = { $count ->
   *[other] عدد السجلات المنتظرة في الحجر: { $count }
 }
attention-pushing = { $count ->
   *[other] عدد الأجهزة المنتظرة للقبول: { $count }
 }
attention-disk = لم يبق على القرص سوى { $count } ميبيبايت
punches-count = { $count ->
    [one] بصمة
    [two] بصمتان
    [few] بصمات
   *[other] بصمة
 }
people-count = { $count ->
    [one] شخص
    [two] شخصان
    [few] أشخاص
   *[other] شخصا
 }
chart-hours = البصمات حسب الساعة، وأكثرها في ساعة: { $count }
chart-days = البصمات حسب اليوم، وأكثرها في يوم: { $count }
and-more = و{ $count } غيرها
pending-count = { $count ->
   *[other] المنتظر: { $count }
 }
terminals-count = { $count ->
   *[other] عدد الأجهزة: { $count }
 }
failing-since = { $count ->
   *[other] بدأ { $name }، وعدد المحاولات الفاشلة { $count }.
 }
missing-count = { $count ->
   *[other] بصمات ناقصة: { $count }
 }
waiting-count = { $count ->
   *[other] المنتظر: { $count }
 }

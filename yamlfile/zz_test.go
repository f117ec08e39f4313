package yamlfile_test
import ("testing";"strings";"time";"alignd/yamlfile")
func TestZZ(t *testing.T){
 n:=1<<20
 for name,s:=range map[string]string{
  "list": "labels:\n"+strings.Repeat("- a\n",n/4-10),
  "listerr": "labels:\n"+strings.Repeat("- a\n",n/4-10)+" x: [",
  "comments": strings.Repeat("# a\n",n/4-10)+"a: b",
  "commentslist": "labels:\n"+strings.Repeat("- a # x\n",n/8-10),
  "keys": func() string { var b strings.Builder; for i:=0;b.Len()<n-20;i++{ b.WriteString("k"+strings.Repeat("x",i%7)+time.Duration(i).String()+": 1\n")}; return b.String()}(),
  "dups": strings.Repeat("name: a\n",n/8-1),
  "quotes": strings.Repeat("\"",n-1),
  "flow": "labels: ["+strings.Repeat("a,",n/2-20),
  "qmark": strings.Repeat("? ",n/2-1),
  "brace": strings.Repeat("{a: ",n/4-1),
  "anchors": "labels: ["+strings.Repeat("&a x,*a,",n/8-10)+"]",
  "docs": strings.Repeat("---\n",n/4-1),
  "colon": "labels: ["+strings.Repeat("a:,",n/3-10)+"]",
  "dash": strings.Repeat("- ",n/2-1),
 }{
  st:=time.Now(); var got file
  err:=yamlfile.Decode("f",[]byte(s),&got).Err()
  m:=""; if err!=nil {m=err.Error()}; if len(m)>120{m=m[:120]}
  t.Log(name,time.Since(st),m)
 }
}

const root=document.documentElement;root.classList.add('has-js');
const byId=id=>document.getElementById(id),all=[...document.querySelectorAll('details.check')],q=byId('q'),none=byId('none');
const texts=new WeakMap(),textOf=d=>{if(!texts.has(d))texts.set(d,d.textContent.toLowerCase());return texts.get(d)};
function search(){const words=q.value.toLowerCase().split(/\s+/).filter(Boolean);let left=0;
all.forEach(d=>{d.hidden=!words.every(w=>textOf(d).includes(w));if(!d.hidden)left++});none.hidden=left>0}
q.addEventListener('input',search);
document.addEventListener('click',e=>{const b=e.target.closest('button.copy');if(!b)return;
const text=b.previousElementSibling.textContent,done=()=>{b.textContent='✓';setTimeout(()=>{b.textContent=b.dataset.label},1500)};
if(navigator.clipboard&&isSecureContext){navigator.clipboard.writeText(text).then(done);return}
const area=document.createElement('textarea');area.value=text;document.body.append(area);area.select();document.execCommand('copy');area.remove();done()});
function follow(){const found=byId(decodeURIComponent(location.hash.slice(1)));if(!found)return;
for(let d=found.closest('details');d;d=d.parentElement.closest('details')){d.hidden=false;d.open=true;
const verdict=/is-(\w+)/.exec(d.className);if(verdict)byId('show-'+verdict[1]).checked=true}
found.scrollIntoView()}
addEventListener('hashchange',follow);follow();
let opened=[];
addEventListener('beforeprint',()=>{const every=byId('print-all').checked;
opened=[...document.querySelectorAll('details')].filter(d=>!d.open&&(every||d.closest('.check.not-pass')));opened.forEach(d=>{d.open=true})});
addEventListener('afterprint',()=>{opened.forEach(d=>{d.open=false});opened=[]});

#!/bin/sh
# Makes the kernel and the file system that machines of a laboratory boot, from packages of Debian: make-image.sh [FOLDER]
# Needs apt-get, dpkg, cpio and busybox-static; downloads one kernel package and installs nothing.
set -eu
folder=${1:-${LODE_IMAGE:-$HOME/.lode/image}}
mkdir -p "$folder"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
chmod 755 "$work"
apt-get download -q "$kernel"
dpkg -x "$kernel"*.deb root
version=$(ls root/lib/modules)
mkdir -p tree/bin tree/proc tree/sys tree/dev tree/lib/modules tree/etc
cp "$(command -v busybox)" tree/bin/busybox
# In the order in which they need each other.
list=
for name in virtio_ring virtio failover net_failover virtio_net virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci; do
  path=$(find "root/lib/modules/$version" -name "$name.ko" | head -1)
  [ -n "$path" ] || continue # built into this kernel
  cp "$path" tree/lib/modules/
  list="$list $name.ko"
done
cat > tree/init <<INIT
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in $list; do insmod /lib/modules/\$module; done
ip link set lo up
while :; do setsid sh -c 'exec sh </dev/ttyS0 >/dev/ttyS0 2>&1'; done &
# Not in the background: what is started there does not hear Ctrl-C.
setsid sh /commands
poweroff -f
INIT
# One command after another. The line is the terminal of a session of its own, so that Ctrl-C on it ends what runs and not this.
cat > tree/commands <<'COMMANDS'
exec </dev/ttyS1 >/dev/ttyS1 2>&1
stty raw -echo isig intr ^C
trap : INT
echo @@READY
while :; do
  read -r line || continue
  sh -c "$line" </dev/null
  echo "@@EXIT $?"
done
COMMANDS
chmod 755 tree/init
(cd tree && find . | cpio -o -H newc --quiet | gzip -1) > "$folder/initramfs.gz"
cp root/boot/vmlinuz-* "$folder/vmlinuz"
rm -rf "$folder"/template-* "$folder/accelerator"
touch "$folder/interruptible"
echo "$folder: $(du -sh "$folder/vmlinuz" | cut -f1) kernel $version, $(du -sh "$folder/initramfs.gz" | cut -f1) file system"
